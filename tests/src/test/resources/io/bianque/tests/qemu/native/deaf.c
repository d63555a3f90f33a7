/* deaf PORT: listens for TCP over IPv4 and IPv6 with an accept queue for three connections, and accepts none. */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (argc != 2 || fd < 0)
		return 1;
	address.sin6_port = htons(atoi(argv[1]));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 2))
		return 1;
	pause();
	return 0;
}
