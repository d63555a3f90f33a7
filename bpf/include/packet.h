/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a packet says of itself, wherever in the stack it is met. skb->data may stand anywhere between the MAC header
 * and the payload, so headers are found from skb->head, whose bytes stay readable after they were pulled.
 */
#ifndef __BIANQUE_PACKET_H__
#define __BIANQUE_PACKET_H__

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define VLAN_HLEN 4
#define VLAN_TAGS 2

#define IPV4_HLEN 20
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_HLEN 40
#define IPV6_EXTENSION_HLEN 8
#define IPV6_FRAGMENT_OFFSET 0xfff8
/* RFC 8200 names six kinds of extension header, of which one may come twice. */
#define IPV6_EXTENSIONS 7

#define TCP_HLEN 20

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_DCCP 33
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_AH 51
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_SCTP 132
#define IPPROTO_MH 135
#define IPPROTO_HIP 139
#define IPPROTO_SHIM6 140
#define IPPROTO_UDPLITE 136

/* skb->mac_header and skb->transport_header before they are set. skb->network_header starts as 0. */
#define HEADER_UNSET 0xffff

struct packet {
	__u64 head; /* skb->head */
	__u32 transport; /* offset of the transport header; 0: the packet has none that can be read */
	__u32 end; /* offset behind the last byte that belongs to the packet and is in linear memory */
	__u16 ether_type; /* host order; 0: not set yet, as in a packet that is still being built */
	__u8 address_length; /* 4, 16; 0: no IP header */
	__u8 protocol; /* where address_length is not 0 */
	__u8 saddr[16], daddr[16];
	__u8 header[IPV6_HLEN]; /* room to read a header into */
};

struct packet_transport {
	__u8 has_ports, has_tcp, has_icmp;
	__u16 sport, dport;
	__u32 tcp_seq, tcp_ack;
	__u8 tcp_flags;
	__u16 tcp_window;
	__u8 icmp_type, icmp_code;
};

static __always_inline __u16 packet_be16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static __always_inline __u32 packet_be32(const __u8 *at)
{
	return (__u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

/*
 * Offset of the IP header, 0 where there is none to be trusted. *ether_type becomes what is inside of a VLAN tag.
 */
static __always_inline __u32 packet_network_offset(struct sk_buff *skb, __u64 head, __u16 *ether_type)
{
	__u16 network = BPF_CORE_READ(skb, network_header);
	__u16 mac = BPF_CORE_READ(skb, mac_header);
	__u32 offset;
	__u8 tag[VLAN_HLEN];
	int i;

	if (network && network != HEADER_UNSET) {
		/*
		 * The place of the header is set before its bytes are, in a packet that is being built; what stands
		 * there then is of a packet that used this memory before. Built it is when it has a route or came
		 * from a device.
		 */
		if (mac == HEADER_UNSET && !BPF_CORE_READ(skb, skb_iif) && !BPF_CORE_READ(skb, _skb_refdst))
			return 0;
		return network;
	}

	/* Between the driver and __netif_receive_skb_core() only the MAC header is known, and data is behind it. */
	if (mac == HEADER_UNSET)
		return 0;
	offset = (__u64)BPF_CORE_READ(skb, data) - head;
	if (offset <= mac)
		offset = mac + ETH_HLEN;
#pragma unroll
	for (i = 0; i < VLAN_TAGS; i++) {
		if (*ether_type != ETH_P_8021Q && *ether_type != ETH_P_8021AD)
			break;
		if (bpf_probe_read_kernel(tag, sizeof(tag), (void *)(head + offset)))
			return 0;
		*ether_type = packet_be16(tag + 2);
		offset += VLAN_HLEN;
	}
	return offset;
}

static __always_inline void packet_read_ipv4(struct packet *packet, __u32 offset)
{
	const __u8 *header = packet->header;
	__u32 header_length = (header[0] & 0xf) * 4;
	__u16 total = packet_be16(header + 2);

	/* total is 0 in a packet beyond 64 KiB (BIG TCP) */
	if (offset + IPV4_HLEN > packet->end || header_length < IPV4_HLEN || (total && total < header_length))
		return;
	if (total && offset + total < packet->end)
		packet->end = offset + total;
	packet->ether_type = ETH_P_IP;
	packet->address_length = 4;
	packet->protocol = header[9];
	__builtin_memcpy(packet->saddr, header + 12, 4);
	__builtin_memcpy(packet->daddr, header + 16, 4);
	if (!(packet_be16(header + 6) & IPV4_FRAGMENT_OFFSET))
		packet->transport = offset + header_length;
}

static __always_inline void packet_read_ipv6(struct packet *packet, __u32 offset)
{
	const __u8 *header = packet->header;
	__u16 payload = packet_be16(header + 4);
	__u8 *extension = packet->header;
	int i;

	if (offset + IPV6_HLEN > packet->end)
		return;
	packet->ether_type = ETH_P_IPV6;
	packet->address_length = 16;
	packet->protocol = header[6];
	__builtin_memcpy(packet->saddr, header + 8, 16);
	__builtin_memcpy(packet->daddr, header + 24, 16);
	offset += IPV6_HLEN;
	/* payload is 0 in a jumbogram */
	if (payload && offset + payload < packet->end)
		packet->end = offset + payload;
#pragma unroll
	for (i = 0; i < IPV6_EXTENSIONS; i++) {
		switch (packet->protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_FRAGMENT:
		case IPPROTO_AH:
		case IPPROTO_DSTOPTS:
		case IPPROTO_MH:
		case IPPROTO_HIP:
		case IPPROTO_SHIM6:
			break;
		default:
			packet->transport = offset;
			return;
		}
		if (offset + IPV6_EXTENSION_HLEN > packet->end ||
		    bpf_probe_read_kernel(extension, IPV6_EXTENSION_HLEN, (void *)(packet->head + offset)))
			return;
		if (packet->protocol == IPPROTO_FRAGMENT) {
			packet->protocol = extension[0];
			if (packet_be16(extension + 2) & IPV6_FRAGMENT_OFFSET)
				return;
			offset += 8;
		} else if (packet->protocol == IPPROTO_AH) {
			packet->protocol = extension[0];
			offset += (extension[1] + 2) * 4;
		} else {
			packet->protocol = extension[0];
			offset += (extension[1] + 1) * 8;
		}
	}
}

/* Everything up to the place of the transport header. packet is all zero when it comes in. */
static __always_inline void packet_read_network(struct sk_buff *skb, struct packet *packet)
{
	__u8 *header = packet->header;
	__u32 offset;

	packet->head = (__u64)BPF_CORE_READ(skb, head);
	packet->end = BPF_CORE_READ(skb, tail);
	packet->ether_type = __builtin_bswap16(BPF_CORE_READ(skb, protocol));
	if (packet->ether_type != ETH_P_IP && packet->ether_type != ETH_P_IPV6 && packet->ether_type != ETH_P_8021Q &&
	    packet->ether_type != ETH_P_8021AD)
		return;
	offset = packet_network_offset(skb, packet->head, &packet->ether_type);
	/*
	 * May read past the packet's end: struct skb_shared_info, which is longer, lies behind it. The version decides,
	 * not skb->protocol: a tunnel changes the one before the other.
	 */
	if (!offset || bpf_probe_read_kernel(header, IPV6_HLEN, (void *)(packet->head + offset)))
		return;
	if (header[0] >> 4 == 4)
		packet_read_ipv4(packet, offset);
	else if (header[0] >> 4 == 6)
		packet_read_ipv6(packet, offset);
}

/*
 * An outgoing packet that is dropped before its IP header is built (no route) has its transport header at data.
 */
static __always_inline void packet_without_network(struct sk_buff *skb, struct packet *packet, __u8 protocol)
{
	__u16 transport = BPF_CORE_READ(skb, transport_header);
	__u64 data = (__u64)BPF_CORE_READ(skb, data);

	if (transport == HEADER_UNSET || !transport || packet->head + transport != data)
		return;
	packet->protocol = protocol;
	packet->transport = transport;
}

/* What of the transport header is there. into is all zero when it comes in. */
static __always_inline void packet_read_transport(struct packet *packet, struct packet_transport *into)
{
	__u8 *header = packet->header;
	__u32 length;

	if (!packet->transport || packet->transport >= packet->end)
		return;
	length = packet->end - packet->transport;
	if (bpf_probe_read_kernel(header, TCP_HLEN, (void *)(packet->head + packet->transport)))
		return;
	switch (packet->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
	case IPPROTO_SCTP:
		if (length < 4)
			return;
		into->has_ports = 1;
		into->sport = packet_be16(header);
		into->dport = packet_be16(header + 2);
		if (packet->protocol != IPPROTO_TCP || length < TCP_HLEN)
			return;
		into->has_tcp = 1;
		into->tcp_seq = packet_be32(header + 4);
		into->tcp_ack = packet_be32(header + 8);
		into->tcp_flags = header[13];
		into->tcp_window = packet_be16(header + 14);
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (length < 4)
			return;
		into->has_icmp = 1;
		into->icmp_type = header[0];
		into->icmp_code = header[1];
	}
}

#endif /* __BIANQUE_PACKET_H__ */
