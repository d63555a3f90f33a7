/* late tcp|udp PORT MILLISECONDS: listens over IPv4 and IPv6, and reads what comes first so much later than it comes. */
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	struct pollfd readable = { .events = POLLIN };
	char text[64];
	int fd, tcp;

	if (argc != 4)
		return 2;
	tcp = !strcmp(argv[1], "tcp");
	fd = socket(AF_INET6, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	address.sin6_port = htons(atoi(argv[2]));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return 1;
	if (tcp && (listen(fd, 1) || (fd = accept(fd, NULL, NULL)) < 0))
		return 1;
	readable.fd = fd;
	if (poll(&readable, 1, -1) != 1 || usleep(atoi(argv[3]) * 1000) || read(fd, text, sizeof(text)) < 1)
		return 1;
	return 0;
}
