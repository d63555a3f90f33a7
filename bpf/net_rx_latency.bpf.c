// SPDX-License-Identifier: GPL-2.0
/*
 * How long received packets take from the driver to the network stack, to TCP or UDP, and to the process that reads
 * them; all three since the driver handed them over. What takes too long is an event.
 *
 * The time is the probe's own, kept by the buffer's address. skb->tstamp is not looked at: the kernel sets it only
 * while somebody asks for timestamps, and by one of three clocks, one of which is the sender's.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/channel.h"
#include "include/event.h"
#include "include/histogram.h"
#include "include/packet.h"
#include "include/socket.h"
#include "include/task.h"

/* A packet that took as long until a stage is an event of it. */
const volatile __u64 stack_threshold_ns = 5000000;
const volatile __u64 transport_threshold_ns = 10000000;
const volatile __u64 user_threshold_ns = 115000000;

/* Received and not read yet, on the whole host; the oldest give way. */
#define PACKETS 65536

enum rx_stage {
	RX_STACK,
	RX_TRANSPORT,
	RX_USER,
	RX_STAGES,
};

enum rx_network {
	RX_OTHER_NETWORK,
	RX_IPV4,
	RX_IPV6,
};

enum rx_transport {
	RX_OTHER_TRANSPORT,
	RX_TCP,
	RX_UDP,
};

struct net_rx_latency_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 latency_ns;
	__u32 netns;
	__s32 ifindex;
	char device[IFNAMSIZ];
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 tcp_seq;
	__u32 packet_length;
	__u16 sport;
	__u16 dport;
	__u8 stage;
	__u8 ip_protocol;
	__u8 address_length;
	__u8 sk_state;
	__u8 has_netns;
	__u8 has_device;
	__u8 has_ip;
	__u8 has_ports;
	__u8 has_tcp;
	__u8 has_socket;
	__u8 pad[2];
};

struct net_rx_latency_scratch {
	struct net_rx_latency_event event;
	struct packet packet;
	struct packet_transport transport;
	struct socket socket;
};

CHANNEL_SCRATCH(struct net_rx_latency_scratch);

struct net_rx_latency_stages_key {
	__u8 stage;
	__u8 network;
	__u8 transport;
	__u8 pad;
};

struct net_rx_latency_stages {
	__u64 count;
	__u64 total_ns;
	__u64 latency_ns[HISTOGRAM_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, struct net_rx_latency_stages_key);
	__type(value, struct net_rx_latency_stages);
} stages SEC(".maps");

struct arrival {
	__u64 at; /* CLOCK_MONOTONIC, ns */
	__u64 head; /* skb->head: a clone at the address of a buffer that was dropped has another one */
	__u64 transport_seen;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PACKETS);
	__type(key, __u64); /* struct sk_buff * */
	__type(value, struct arrival);
} arrivals SEC(".maps");

/* What a new entry is made of. */
static struct net_rx_latency_stages zeros;

static __always_inline int arrive(struct sk_buff *skb)
{
	__u64 key = (__u64)skb;
	struct arrival arrival = {
		.at = bpf_ktime_get_ns(),
		.head = (__u64)BPF_CORE_READ(skb, head),
	};

	bpf_map_update_elem(&arrivals, &key, &arrival, 0);
	return 0;
}

static __always_inline struct arrival *arrival_of(struct sk_buff *skb)
{
	__u64 key = (__u64)skb;
	struct arrival *arrival = bpf_map_lookup_elem(&arrivals, &key);

	if (!arrival || arrival->head != (__u64)BPF_CORE_READ(skb, head))
		return NULL;
	return arrival;
}

/* By the IP header alone, for it is done for each packet: with IPv6 extension headers the transport is another. */
static __always_inline void classify(struct sk_buff *skb, struct net_rx_latency_stages_key *key)
{
	__u64 header = (__u64)BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	__u16 ether_type = __builtin_bswap16(BPF_CORE_READ(skb, protocol));
	__u8 begin[10];
	__u8 protocol;

	if (ether_type != ETH_P_IP && ether_type != ETH_P_IPV6)
		return;
	/* It is data that the stack takes for the header, a moment after it has got the packet. */
	if (key->stage == RX_STACK)
		header = (__u64)BPF_CORE_READ(skb, data);
	if (bpf_probe_read_kernel(begin, sizeof(begin), (void *)header))
		return;
	key->network = ether_type == ETH_P_IP ? RX_IPV4 : RX_IPV6;
	protocol = ether_type == ETH_P_IP ? begin[9] : begin[6];
	if (protocol == IPPROTO_TCP)
		key->transport = RX_TCP;
	else if (protocol == IPPROTO_UDP)
		key->transport = RX_UDP;
}

static __always_inline void fill_device(struct net_rx_latency_event *event, struct sk_buff *skb,
					const struct socket *socket)
{
	struct net_device *dev = device_of(skb, socket);
	struct net *net = (struct net *)socket->net;

	if (dev) {
		event->has_device = 1;
		event->ifindex = BPF_CORE_READ(dev, ifindex);
		BPF_CORE_READ_STR_INTO(&event->device, dev, name);
		net = BPF_CORE_READ(dev, nd_net.net);
	}
	event->netns = namespace_inode(net);
	event->has_netns = event->netns != 0;
}

static __always_inline void fill_packet(struct net_rx_latency_event *event, struct packet *packet,
					struct packet_transport *transport)
{
	packet_read_transport(packet, transport);
	event->has_ip = packet->address_length != 0;
	event->ip_protocol = packet->protocol;
	event->address_length = packet->address_length;
	__builtin_memcpy(event->saddr, packet->saddr, sizeof(event->saddr));
	__builtin_memcpy(event->daddr, packet->daddr, sizeof(event->daddr));
	event->has_ports = transport->has_ports;
	event->sport = transport->sport;
	event->dport = transport->dport;
	event->has_tcp = transport->has_tcp;
	event->tcp_seq = transport->tcp_seq;
}

static __always_inline void report(void *ctx, struct sk_buff *skb, struct sock *sk, __u32 stage, __u64 now,
				   __u64 latency_ns)
{
	struct net_rx_latency_scratch *slot;
	int depth = channel_enter();

	if (depth < 0)
		return;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot) {
		__builtin_memset(slot, 0, sizeof(*slot));
		if (channel_admit(stage, now, &slot->event.sequence)) {
			slot->event.ktime_ns = now;
			slot->event.cpu = bpf_get_smp_processor_id();
			slot->event.stage = stage;
			slot->event.latency_ns = latency_ns;
			slot->event.packet_length = BPF_CORE_READ(skb, len);
			task_fill_current(&slot->event);
			/* Before the IP layer it is the sender's, if that is on this host. */
			if (stage != RX_STACK)
				socket_read(sk ? sk : BPF_CORE_READ(skb, sk), &slot->socket);
			slot->event.has_socket = slot->socket.is_inet;
			slot->event.sk_state = slot->socket.state;
			fill_device(&slot->event, skb, &slot->socket);
			packet_read_network(skb, &slot->packet);
			fill_packet(&slot->event, &slot->packet, &slot->transport);
			channel_submit(ctx, &slot->event, sizeof(slot->event));
		}
	}
	channel_leave();
}

/* sk: the socket, where the hook knows it. */
static __always_inline void reach(void *ctx, struct sk_buff *skb, struct sock *sk, enum rx_stage stage,
				  const struct arrival *arrival, __u64 threshold_ns)
{
	struct net_rx_latency_stages_key key = {.stage = stage};
	__u64 now = bpf_ktime_get_ns();
	struct net_rx_latency_stages *sum;
	__u64 latency_ns = now - arrival->at;

	classify(skb, &key);
	sum = polled_lookup(&stages, &key, &zeros);
	if (sum) {
		__sync_fetch_and_add(&sum->count, 1);
		__sync_fetch_and_add(&sum->total_ns, latency_ns);
		histogram_add(sum->latency_ns, latency_ns);
	}
	if (latency_ns >= threshold_ns)
		report(ctx, skb, sk, stage, now, latency_ns);
}

static __always_inline int reach_stack(void *ctx, struct sk_buff *skb)
{
	struct arrival *arrival = arrival_of(skb);

	if (arrival)
		reach(ctx, skb, NULL, RX_STACK, arrival, stack_threshold_ns);
	return 0;
}

/* By the protocol's own function where it can be hooked, else by tcp_probe; by the first of them only. */
static __always_inline int reach_transport(void *ctx, struct sk_buff *skb, struct sock *sk)
{
	struct arrival *arrival = arrival_of(skb);

	if (!arrival || arrival->transport_seen)
		return 0;
	arrival->transport_seen = 1;
	reach(ctx, skb, sk, RX_TRANSPORT, arrival, transport_threshold_ns);
	return 0;
}

/* When its first byte is read. */
static __always_inline int reach_user(void *ctx, struct sk_buff *skb, struct sock *sk)
{
	struct arrival *arrival = arrival_of(skb);
	__u64 key = (__u64)skb;

	if (!arrival)
		return 0;
	reach(ctx, skb, sk, RX_USER, arrival, user_threshold_ns);
	bpf_map_delete_elem(&arrivals, &key);
	return 0;
}

/* A capture reads packets too, those of unix and netlink sockets never came from a driver. */
static __always_inline bool read_by_transport(struct sk_buff *skb)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	__u16 family;

	if (!sk)
		return true;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	return family == AF_INET || family == AF_INET6;
}

/* What drivers call; of a list once for each of its packets. */
#define ARRIVE(hook)                                            \
	SEC("tp_btf/" #hook)                                    \
	int hook##__tp_btf(__u64 *ctx)                          \
	{                                                       \
		return arrive((struct sk_buff *)ctx[0]);        \
	}                                                       \
                                                                \
	SEC("raw_tp/" #hook)                                    \
	int hook##__raw_tp(struct bpf_raw_tracepoint_args *ctx) \
	{                                                       \
		return arrive((struct sk_buff *)ctx->args[0]);  \
	}

ARRIVE(netif_rx)
ARRIVE(netif_receive_skb_entry)
ARRIVE(netif_receive_skb_list_entry)
ARRIVE(napi_gro_receive_entry)
ARRIVE(napi_gro_frags_entry)

SEC("tp_btf/netif_receive_skb")
int stack__tp_btf(__u64 *ctx)
{
	return reach_stack(ctx, (struct sk_buff *)ctx[0]);
}

SEC("raw_tp/netif_receive_skb")
int stack__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return reach_stack(ctx, (struct sk_buff *)ctx->args[0]);
}

SEC("?fentry/tcp_v4_rcv")
int tcp_v4__fentry(__u64 *ctx)
{
	return reach_transport(ctx, (struct sk_buff *)ctx[0], NULL);
}

SEC("?fentry/tcp_v6_rcv")
int tcp_v6__fentry(__u64 *ctx)
{
	return reach_transport(ctx, (struct sk_buff *)ctx[0], NULL);
}

SEC("?fentry/udp_rcv")
int udp_v4__fentry(__u64 *ctx)
{
	return reach_transport(ctx, (struct sk_buff *)ctx[0], NULL);
}

SEC("?fentry/udpv6_rcv")
int udp_v6__fentry(__u64 *ctx)
{
	return reach_transport(ctx, (struct sk_buff *)ctx[0], NULL);
}

/* Of established connections only. */
SEC("?tp_btf/tcp_probe")
int tcp__tp_btf(__u64 *ctx)
{
	return reach_transport(ctx, (struct sk_buff *)ctx[1], (struct sock *)ctx[0]);
}

SEC("?raw_tp/tcp_probe")
int tcp__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return reach_transport(ctx, (struct sk_buff *)ctx->args[1], (struct sock *)ctx->args[0]);
}

static __always_inline int copy(void *ctx, struct sk_buff *skb)
{
	return read_by_transport(skb) ? reach_user(ctx, skb, NULL) : 0;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int user__tp_btf(__u64 *ctx)
{
	return copy(ctx, (struct sk_buff *)ctx[0]);
}

SEC("raw_tp/skb_copy_datagram_iovec")
int user__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return copy(ctx, (struct sk_buff *)ctx->args[0]);
}

/* UDP copies a datagram in one piece by itself, past that tracepoint, and then calls this. */
SEC("?fentry/skb_consume_udp")
int user_udp__fentry(__u64 *ctx)
{
	return reach_user(ctx, (struct sk_buff *)ctx[1], (struct sock *)ctx[0]);
}

/* bpf_probe_read_kernel() is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
