/* frames DEVICE COUNT: sends so many Ethernet frames of a type for experiments, which no stack handles. */
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	unsigned char frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	/* Protocol 0: it sends only. One that received the type would be its handler. */
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (argc != 3 || fd < 0)
		return 1;
	to.sll_ifindex = if_nametoindex(argv[1]);
	memcpy(to.sll_addr, frame, 6);
	for (int i = 0; i < atoi(argv[2]); i++)
		if (sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) != sizeof(frame))
			return 1;
	return 0;
}
