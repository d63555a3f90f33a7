// SPDX-License-Identifier: GPL-2.0
/*
 * Packets that are dropped: by the kernel (tracepoint skb:kfree_skb), who, where, why, and through which functions; and
 * by a device that tells of it (tracepoint devlink:devlink_trap_report), by which of its traps.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/channel.h"
#include "include/event.h"
#include "include/packet.h"
#include "include/socket.h"
#include "include/stack.h"
#include "include/task.h"

/* Which packets to report, by the protocol they carry. ICMP is ICMPv6 too; other is all else: ARP, SCTP, LLDP ... */
const volatile bool watch_tcp = true;
const volatile bool watch_udp = true;
const volatile bool watch_icmp = true;
const volatile bool watch_other = true;

/* Of what devices drop. */
const volatile bool watch_hardware = true;

/* A packet that a device has dropped is not reported again when the kernel frees it within this time. */
const volatile __u64 hardware_free_ns = 10000000;

enum drop_source {
	DROP_SOURCE_SOFTWARE,
	DROP_SOURCE_HARDWARE,
};

#define TRAP_NAME 48

struct dropwatch_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 location;
	__u32 netns;
	__s32 ifindex;
	char device[IFNAMSIZ];
	__u8 saddr[16];
	__u8 daddr[16];
	__u32 tcp_seq;
	__u32 tcp_ack;
	__u32 packet_length;
	__u32 drop_reason;
	__u16 ether_type;
	__u16 sport;
	__u16 dport;
	__u16 tcp_window;
	__u16 sk_protocol;
	__u8 ip_protocol;
	__u8 address_length;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 sk_state;
	__u8 drop_source;
	__u8 has_netns;
	__u8 has_device;
	__u8 has_ip;
	__u8 has_ports;
	__u8 has_tcp;
	__u8 has_icmp;
	__u8 has_socket;
	__u8 has_drop_reason;
	__u8 has_location;
	__u8 has_trap;
	__u8 kernel_stack_frames;
	__u8 pad[4];
	char trap[TRAP_NAME];
	char trap_group[TRAP_NAME];
	__u64 kernel_stack[STACK_FRAMES];
};

struct dropwatch_scratch {
	struct dropwatch_event event;
	struct packet packet;
	struct packet_transport transport;
	struct socket socket;
	struct stack_scratch stack;
};

CHANNEL_SCRATCH(struct dropwatch_scratch);

/* The packet a CPU heard of last as dropped by a device. */
struct trapped {
	__u64 skb; /* 0: none */
	__u64 head;
	__u64 ktime_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct trapped);
} trapped SEC(".maps");

/* What a tracepoint hands over, whichever way it is attached. */
struct drop {
	struct sk_buff *skb;
	const struct devlink_trap_metadata *trap; /* of a device; NULL: the kernel itself dropped it */
	__u64 location; /* of the kernel */
	struct sock *rx_sk; /* the socket that should have received it, since 6.11; NULL: not known */
	__u32 reason;
	bool has_reason;
};

/* These two are no drops: before 5.18 and 6.3 the kernel has no such reasons, and number 0 is a drop. */
static __always_inline bool reason_is_drop(__u32 reason)
{
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_NOT_DROPPED_YET) &&
	    reason == bpf_core_enum_value(enum skb_drop_reason, SKB_NOT_DROPPED_YET))
		return false;
	if (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_CONSUMED) &&
	    reason == bpf_core_enum_value(enum skb_drop_reason, SKB_CONSUMED))
		return false;
	return true;
}

/*
 * What shares a budget: packets of one reason. Where the kernel gives none, or says only that nobody wrote one down,
 * packets dropped at one place. A subsystem's reasons have its number in the upper half.
 */
static __always_inline __u32 drop_class(const struct drop *drop)
{
	const struct devlink_trap_metadata *trap = drop->trap;

	/* The name is a constant of the driver or of devlink. */
	if (trap)
		return ((__u64)BPF_CORE_READ(trap, trap_name) * 0x9e3779b97f4a7c15ULL) >> 56;
	if (drop->has_reason &&
	    drop->reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED))
		return drop->reason + (drop->reason >> 16) * 151;
	return (drop->location * 0x9e3779b97f4a7c15ULL) >> 56;
}

static __always_inline bool is_watched(const struct packet *packet, const struct socket *socket)
{
	__u16 protocol = packet->protocol;

	if (!packet->address_length) {
		/* Never was on a network: unix and netlink sockets queue in skbs too. */
		if (!packet->ether_type && !socket->is_inet)
			return false;
		protocol = socket->is_inet ? socket->protocol : 0;
		/* An inet socket without a protocol of its own: a handshake's or TIME_WAIT's. */
		if (socket->is_inet && !protocol)
			protocol = IPPROTO_TCP;
	}
	switch (protocol) {
	case IPPROTO_TCP:
		return watch_tcp;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return watch_udp;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return watch_icmp;
	default:
		return watch_other;
	}
}

static __always_inline void fill_device(struct dropwatch_event *event, struct sk_buff *skb, const struct socket *socket)
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

static __always_inline void fill_socket(struct dropwatch_event *event, const struct socket *socket,
					const struct packet *packet)
{
	if (!socket->is_inet)
		return;
	event->has_socket = 1;
	event->sk_state = socket->state;
	event->sk_protocol = socket->protocol;
	if (!event->sk_protocol)
		event->sk_protocol = packet->protocol == IPPROTO_DCCP ? IPPROTO_DCCP : IPPROTO_TCP;
}

static __always_inline void fill_packet(struct dropwatch_event *event, struct packet *packet,
					struct packet_transport *transport)
{
	__builtin_memset(transport, 0, sizeof(*transport));
	packet_read_transport(packet, transport);
	event->ether_type = packet->ether_type;
	event->has_ip = packet->address_length || packet->transport;
	event->ip_protocol = packet->protocol;
	event->address_length = packet->address_length;
	__builtin_memcpy(event->saddr, packet->saddr, sizeof(event->saddr));
	__builtin_memcpy(event->daddr, packet->daddr, sizeof(event->daddr));
	event->has_ports = transport->has_ports;
	event->sport = transport->sport;
	event->dport = transport->dport;
	event->has_tcp = transport->has_tcp;
	event->tcp_seq = transport->tcp_seq;
	event->tcp_ack = transport->tcp_ack;
	event->tcp_flags = transport->tcp_flags;
	event->tcp_window = transport->tcp_window;
	event->has_icmp = transport->has_icmp;
	event->icmp_type = transport->icmp_type;
	event->icmp_code = transport->icmp_code;
}

static __always_inline void fill_trap(struct dropwatch_event *event, const struct devlink_trap_metadata *trap)
{
	event->drop_source = DROP_SOURCE_HARDWARE;
	event->has_trap = 1;
	bpf_probe_read_kernel_str(event->trap, sizeof(event->trap), BPF_CORE_READ(trap, trap_name));
	bpf_probe_read_kernel_str(event->trap_group, sizeof(event->trap_group), BPF_CORE_READ(trap, trap_group_name));
}

static __always_inline void fill(struct dropwatch_scratch *slot, const struct drop *drop, __u64 now)
{
	struct dropwatch_event *event = &slot->event;
	struct sk_buff *skb = drop->skb;

	event->ktime_ns = now;
	event->has_location = !drop->trap;
	event->location = drop->location;
	event->packet_length = BPF_CORE_READ(skb, len);
	event->has_drop_reason = drop->has_reason;
	event->drop_reason = drop->reason;
	event->drop_source = DROP_SOURCE_SOFTWARE;
	if (drop->trap)
		fill_trap(event, drop->trap);
	if (!slot->packet.address_length && slot->socket.protocol)
		packet_without_network(skb, &slot->packet, slot->socket.protocol);
	event->cpu = bpf_get_smp_processor_id();
	task_fill_current(event);
	fill_device(event, skb, &slot->socket);
	fill_socket(event, &slot->socket, &slot->packet);
	fill_packet(event, &slot->packet, &slot->transport);
}

static __always_inline void look(void *ctx, struct dropwatch_scratch *slot, const struct drop *drop)
{
	struct dropwatch_event *event = &slot->event;
	struct sk_buff *skb = drop->skb;
	__u64 now;
	__u32 frames;

	__builtin_memset(&slot->socket, 0, sizeof(slot->socket));
	__builtin_memset(&slot->packet, 0, sizeof(slot->packet));
	socket_read(drop->rx_sk ? drop->rx_sk : BPF_CORE_READ(skb, sk), &slot->socket);
	packet_read_network(skb, &slot->packet);
	if (!is_watched(&slot->packet, &slot->socket))
		return;
	now = bpf_ktime_get_ns();
	__builtin_memset(event, 0, __builtin_offsetof(struct dropwatch_event, kernel_stack));
	if (!channel_admit(drop_class(drop), now, &event->sequence))
		return;
	fill(slot, drop, now);
	frames = stack_capture(ctx, &slot->stack, event->kernel_stack, drop->location);
	event->kernel_stack_frames = frames;
	channel_submit(ctx, event, __builtin_offsetof(struct dropwatch_event, kernel_stack) + frames * sizeof(__u64));
}

/*
 * A driver that has told of a drop frees the packet soon after, on the same CPU. Most drivers do so without saying that
 * it is a drop; of one that does say so the drop would be reported twice. The address alone is no proof: memory is used
 * again, and the next packet in it may be dropped by the kernel.
 */
static __always_inline bool was_trapped(struct sk_buff *skb)
{
	__u32 zero = 0;
	struct trapped *last = bpf_map_lookup_elem(&trapped, &zero);

	if (!last || last->skb != (__u64)skb)
		return false;
	last->skb = 0;
	return last->head == (__u64)BPF_CORE_READ(skb, head) && bpf_ktime_get_ns() - last->ktime_ns <= hardware_free_ns;
}

static __always_inline void remember_trapped(struct sk_buff *skb)
{
	__u32 zero = 0;
	struct trapped *last = bpf_map_lookup_elem(&trapped, &zero);

	if (!last)
		return;
	last->skb = (__u64)skb;
	last->head = (__u64)BPF_CORE_READ(skb, head);
	last->ktime_ns = bpf_ktime_get_ns();
}

static __always_inline int report(void *ctx, const struct drop *drop)
{
	struct dropwatch_scratch *slot;
	int depth;

	if (drop->has_reason && !reason_is_drop(drop->reason))
		return 0;
	if (!drop->trap && was_trapped(drop->skb))
		return 0;
	depth = channel_enter();
	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot)
		look(ctx, slot, drop);
	channel_leave();
	return 0;
}

/*
 * The variants, in the order in which they are tried. Arguments: skb, location; since 5.17 the reason; since 6.11 the
 * receiving socket. What a kernel does not have is never read: the verifier drops a branch whose condition CO-RE made
 * constant, and with it the access beyond the tracepoint's arguments.
 */
static __always_inline int report_arguments(void *ctx, const __u64 *args)
{
	struct drop drop = {
		.skb = (struct sk_buff *)args[0],
		.location = args[1],
	};

	if (bpf_core_type_exists(enum skb_drop_reason)) {
		drop.has_reason = true;
		drop.reason = args[2];
	}
	if (bpf_core_field_exists(struct trace_event_raw_kfree_skb, rx_sk))
		drop.rx_sk = (struct sock *)args[3];
	return report(ctx, &drop);
}

SEC("tp_btf/kfree_skb")
int kfree_skb__tp_btf(__u64 *ctx)
{
	return report_arguments(ctx, ctx);
}

SEC("raw_tp/kfree_skb")
int kfree_skb__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_arguments(ctx, (__u64 *)ctx);
}

SEC("tp/skb/kfree_skb")
int kfree_skb__tp(struct trace_event_raw_kfree_skb *ctx)
{
	struct drop drop = {
		.skb = BPF_CORE_READ(ctx, skbaddr),
		.location = (__u64)BPF_CORE_READ(ctx, location),
	};

	if (bpf_core_field_exists(ctx->reason)) {
		drop.has_reason = true;
		drop.reason = BPF_CORE_READ(ctx, reason);
	}
	if (bpf_core_field_exists(ctx->rx_sk))
		drop.rx_sk = BPF_CORE_READ(ctx, rx_sk);
	return report(ctx, &drop);
}

/*
 * Arguments: devlink, skb, what it was trapped for. Packets that a device hands up for the kernel to deal with
 * (exceptions, control traffic) come here too and are no drops. Since 5.10; needs CONFIG_NET_DEVLINK.
 */
static __always_inline int report_trap(void *ctx, const __u64 *args)
{
	struct drop drop = {
		.skb = (struct sk_buff *)args[1],
		.trap = (const struct devlink_trap_metadata *)args[2],
	};
	const struct devlink_trap_metadata *trap = drop.trap;

	if (BPF_CORE_READ(trap, trap_type) != DEVLINK_TRAP_TYPE_DROP)
		return 0;
	remember_trapped(drop.skb);
	return watch_hardware ? report(ctx, &drop) : 0;
}

SEC("?tp_btf/devlink_trap_report")
int devlink_trap__tp_btf(__u64 *ctx)
{
	return report_trap(ctx, ctx);
}

SEC("?raw_tp/devlink_trap_report")
int devlink_trap__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_trap(ctx, (__u64 *)ctx);
}

/* bpf_get_stack() and bpf_probe_read_kernel() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
