// SPDX-License-Identifier: GPL-2.0
/*
 * Connections that TCP refuses or breaks off: RSTs sent and received, and handshakes turned away because the listener's
 * accept queue is full, of which the peer is told nothing.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/channel.h"
#include "include/endpoints.h"
#include "include/event.h"
#include "include/kprobe.h"
#include "include/packet.h"
#include "include/socket.h"
#include "include/stack.h"
#include "include/task.h"

/* Which to report. */
const volatile bool watch_sent = true;
const volatile bool watch_received = true;
const volatile bool watch_overflow = true;

enum reset_kind {
	KIND_SENT,
	KIND_RECEIVED,
	KIND_LISTEN_OVERFLOW,
};

enum overflow_stage {
	STAGE_SYN,
	STAGE_ACK,
	STAGE_WAITING,
};

struct tcp_reset_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 socket_cgroup_id;
	__u32 netns;
	__s32 ifindex;
	char device[IFNAMSIZ];
	ENDPOINT_FIELDS;
	__u8 kind;
	__u8 overflow_stage;
	__u8 sk_state;
	__u8 cause_flags;
	__u8 has_socket_cgroup;
	__u8 has_netns;
	__u8 has_device;
	__u8 has_ports;
	__u8 has_state;
	__u8 has_reason;
	__u8 has_cause;
	__u8 has_queue;
	__u8 kernel_stack_frames;
	__u32 reason;
	__u32 cause_seq;
	__u32 cause_ack;
	__u32 accept_queue;
	__u32 accept_queue_limit;
	__u32 syn_queue;
	__u8 pad[4];
	__u64 kernel_stack[STACK_FRAMES];
};

struct tcp_reset_scratch {
	struct tcp_reset_event event;
	struct socket socket;
	struct endpoints ends __attribute__((aligned(8)));
	struct packet packet;
	struct packet_transport transport;
	struct stack_scratch stack;
};

CHANNEL_SCRATCH(struct tcp_reset_scratch);

/* What a hook hands over, whichever way it is attached. */
struct reset {
	const struct sock *sk; /* NULL: none; need not be a full socket; of an overflow the listener */
	const struct sock *request; /* of an overflow whose connection is known already */
	struct sk_buff *skb; /* the segment that is the cause; NULL: none, or not known */
	enum reset_kind kind;
	enum overflow_stage stage;
	__u32 reason;
	bool has_reason;
};

static __always_inline void fill_place(struct tcp_reset_scratch *slot, const struct sock *sk, struct sk_buff *skb)
{
	struct tcp_reset_event *event = &slot->event;
	struct net *net = (struct net *)slot->socket.net;
	struct net_device *dev = NULL;

	if (skb)
		dev = device_of(skb, &slot->socket);
	if (socket_is_full(&slot->socket)) {
		if (!dev)
			dev = socket_device(sk);
		event->socket_cgroup_id = socket_cgroup_id(sk);
		event->has_socket_cgroup = event->socket_cgroup_id != 0;
	}
	if (dev) {
		event->has_device = 1;
		event->ifindex = BPF_CORE_READ(dev, ifindex);
		BPF_CORE_READ_STR_INTO(&event->device, dev, name);
		if (!net)
			net = BPF_CORE_READ(dev, nd_net.net);
	}
	event->netns = namespace_inode(net);
	event->has_netns = event->netns != 0;
}

/* The segment that is the cause came from the other end. It tells the ends too, where no socket does. */
static __always_inline void fill_cause(struct tcp_reset_scratch *slot, struct sk_buff *skb)
{
	struct tcp_reset_event *event = &slot->event;

	packet_read_network(skb, &slot->packet);
	packet_read_transport(&slot->packet, &slot->transport);
	if (!slot->transport.has_tcp)
		return;
	event->has_cause = 1;
	event->cause_flags = slot->transport.tcp_flags;
	event->cause_seq = slot->transport.tcp_seq;
	event->cause_ack = slot->transport.tcp_ack;
	slot->ends.address_length = slot->packet.address_length;
	__builtin_memcpy(slot->ends.remote.address, slot->packet.saddr, sizeof(slot->packet.saddr));
	__builtin_memcpy(slot->ends.local.address, slot->packet.daddr, sizeof(slot->packet.daddr));
	slot->ends.remote.port = slot->transport.sport;
	slot->ends.local.port = slot->transport.dport;
}

static __always_inline void fill_queue(struct tcp_reset_event *event, const struct sock *listener)
{
	event->has_queue = 1;
	event->accept_queue = BPF_CORE_READ(listener, sk_ack_backlog);
	event->accept_queue_limit = BPF_CORE_READ(listener, sk_max_ack_backlog);
	event->syn_queue = BPF_CORE_READ((const struct inet_connection_sock *)listener, icsk_accept_queue.qlen.counter);
}

static __always_inline void fill(struct tcp_reset_scratch *slot, const struct reset *what)
{
	struct tcp_reset_event *event = &slot->event;
	struct endpoints *ends = &slot->ends;

	__builtin_memset(&slot->socket, 0, sizeof(slot->socket));
	__builtin_memset(ends, 0, sizeof(*ends));
	__builtin_memset(&slot->packet, 0, sizeof(slot->packet));
	__builtin_memset(&slot->transport, 0, sizeof(slot->transport));
	event->cpu = bpf_get_smp_processor_id();
	event->kind = what->kind;
	event->overflow_stage = what->stage;
	event->reason = what->reason;
	event->has_reason = what->has_reason;
	task_fill_current(event);
	socket_read((struct sock *)what->sk, &slot->socket);
	endpoints_read(what->request ?: what->sk, ends);
	if (what->skb)
		fill_cause(slot, what->skb);
	fill_place(slot, what->sk, what->skb);
	event->has_state = slot->socket.is_inet;
	event->sk_state = slot->socket.state;
	event->has_ports = ends->address_length != 0;
	if (what->kind == KIND_SENT)
		endpoints_fill(event, &ends->local, &ends->remote, ends->address_length);
	else
		endpoints_fill(event, &ends->remote, &ends->local, ends->address_length);
	if (what->kind == KIND_LISTEN_OVERFLOW)
		fill_queue(event, what->sk);
}

/* Those that a hook is in. */
extern const void tcp_v4_send_reset __ksym __weak;
extern const void tcp_v6_send_reset __ksym __weak;
extern const void tcp_send_active_reset __ksym __weak;
extern const void tcp_reset __ksym __weak;
extern const void tcp_conn_request __ksym __weak;
extern const void tcp_v4_syn_recv_sock __ksym __weak;
extern const void tcp_v6_syn_recv_sock __ksym __weak;
extern const void tcp_rtx_synack __ksym __weak;

/* Where the one begins in which it is seen; 0: this kernel does not say. */
static __always_inline __u64 traced_function(const struct reset *what, bool is_ipv4)
{
	if (what->kind == KIND_RECEIVED)
		return (__u64)&tcp_reset;
	if (what->kind == KIND_SENT) {
		if (!what->skb)
			return (__u64)&tcp_send_active_reset;
		return is_ipv4 ? (__u64)&tcp_v4_send_reset : (__u64)&tcp_v6_send_reset;
	}
	if (what->stage == STAGE_SYN)
		return (__u64)&tcp_conn_request;
	if (what->stage == STAGE_WAITING)
		return (__u64)&tcp_rtx_synack;
	return is_ipv4 ? (__u64)&tcp_v4_syn_recv_sock : (__u64)&tcp_v6_syn_recv_sock;
}

static __always_inline int report(void *ctx, const struct reset *what)
{
	struct tcp_reset_scratch *slot;
	__u64 now = bpf_ktime_get_ns();
	int depth = channel_enter();
	__u32 frames;

	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot) {
		struct tcp_reset_event *event = &slot->event;

		__builtin_memset(event, 0, __builtin_offsetof(struct tcp_reset_event, kernel_stack));
		if (channel_admit(what->kind << 6 | (what->reason & 0x3f), now, &event->sequence)) {
			event->ktime_ns = now;
			fill(slot, what);
			frames = stack_capture_from(ctx, &slot->stack, event->kernel_stack,
						    traced_function(what, slot->ends.address_length == 4));
			event->kernel_stack_frames = frames;
			channel_submit(ctx, event,
				       __builtin_offsetof(struct tcp_reset_event, kernel_stack) +
					       frames * sizeof(__u64));
		}
	}
	channel_leave();
	return 0;
}

/*
 * Until 6.9 the tracepoint is not reached where no full socket is: RSTs that answer a SYN to a closed port are not
 * seen there. Since 6.10 they are, and there is a reason.
 */
static __always_inline int report_sent(void *ctx, const __u64 *args)
{
	struct reset what = {.kind = KIND_SENT};

	if (!watch_sent)
		return 0;
	/*
	 * Both pointers may be NULL, which the verifier knows since 6.13: it wants to see them compared before anything
	 * is read through them, even by a helper that bears it. What a helper has read has no type.
	 */
	bpf_probe_read_kernel(&what.sk, sizeof(what.sk), &args[0]);
	bpf_probe_read_kernel(&what.skb, sizeof(what.skb), &args[1]);
	if (bpf_core_field_exists(struct trace_event_raw_tcp_send_reset, reason)) {
		what.has_reason = true;
		what.reason = args[2];
	}
	return report(ctx, &what);
}

SEC("tp_btf/tcp_send_reset")
int sent__tp_btf(__u64 *ctx)
{
	return report_sent(ctx, ctx);
}

SEC("raw_tp/tcp_send_reset")
int sent__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_sent(ctx, (__u64 *)ctx);
}

SEC("tp/tcp/tcp_send_reset")
int sent__tp(void *ctx)
{
	struct trace_event_raw_tcp_send_reset *own = ctx;
	struct trace_event_raw_tcp_event_sk_skb *shared = ctx;
	struct reset what = {.kind = KIND_SENT};

	if (!watch_sent)
		return 0;
	if (bpf_core_field_exists(own->reason)) {
		what.sk = BPF_CORE_READ(own, skaddr);
		what.skb = (struct sk_buff *)BPF_CORE_READ(own, skbaddr);
		what.has_reason = true;
		what.reason = BPF_CORE_READ(own, reason);
	} else {
		what.sk = BPF_CORE_READ(shared, skaddr);
		what.skb = (struct sk_buff *)BPF_CORE_READ(shared, skbaddr);
	}
	return report(ctx, &what);
}

static __always_inline int report_received(void *ctx, const struct sock *sk)
{
	struct reset what = {.sk = sk, .kind = KIND_RECEIVED};

	return watch_received ? report(ctx, &what) : 0;
}

SEC("tp_btf/tcp_receive_reset")
int received__tp_btf(__u64 *ctx)
{
	return report_received(ctx, (const struct sock *)ctx[0]);
}

SEC("raw_tp/tcp_receive_reset")
int received__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_received(ctx, (const struct sock *)ctx->args[0]);
}

SEC("tp/tcp/tcp_receive_reset")
int received__tp(struct trace_event_raw_tcp_event_sk *ctx)
{
	return report_received(ctx, BPF_CORE_READ(ctx, skaddr));
}

static __always_inline int report_overflow(void *ctx, enum overflow_stage stage, const struct sock *listener,
					   const void *request, struct sk_buff *skb)
{
	struct reset what = {
		.sk = listener,
		.request = request,
		.skb = skb,
		.kind = KIND_LISTEN_OVERFLOW,
		.stage = stage,
	};

	if (!watch_overflow || !accept_queue_is_full(listener))
		return 0;
	return report(ctx, &what);
}

/* A SYN that a listener is about to look at: the queue is the first thing it asks for. */
SEC("?fentry/tcp_conn_request")
int syn_overflow__fentry(__u64 *ctx)
{
	return report_overflow(ctx, STAGE_SYN, (const struct sock *)ctx[2], NULL, (struct sk_buff *)ctx[3]);
}

SEC("?kprobe/tcp_conn_request")
int syn_overflow__kprobe(struct pt_regs *ctx)
{
	return report_overflow(ctx, STAGE_SYN, (const struct sock *)kprobe_argument(ctx, 2), NULL,
			       (struct sk_buff *)kprobe_argument(ctx, 3));
}

/* The ACK that would finish a handshake: sk, skb, request. The client takes itself for connected already. */
SEC("?fentry/tcp_v4_syn_recv_sock")
int ack_overflow__fentry(__u64 *ctx)
{
	return report_overflow(ctx, STAGE_ACK, (const struct sock *)ctx[0], (const void *)ctx[2],
			       (struct sk_buff *)ctx[1]);
}

SEC("?kprobe/tcp_v4_syn_recv_sock")
int ack_overflow__kprobe(struct pt_regs *ctx)
{
	return report_overflow(ctx, STAGE_ACK, (const struct sock *)kprobe_argument(ctx, 0),
			       (const void *)kprobe_argument(ctx, 2), (struct sk_buff *)kprobe_argument(ctx, 1));
}

/* A listener for both families hands IPv4 on to the function above. */
static __always_inline int report_overflow6(void *ctx, const struct sock *listener, struct sk_buff *skb,
					    const void *request)
{
	if (BPF_CORE_READ(skb, protocol) == __builtin_bswap16(ETH_P_IP))
		return 0;
	return report_overflow(ctx, STAGE_ACK, listener, request, skb);
}

SEC("?fentry/tcp_v6_syn_recv_sock")
int ack_overflow6__fentry(__u64 *ctx)
{
	return report_overflow6(ctx, (const struct sock *)ctx[0], (struct sk_buff *)ctx[1], (const void *)ctx[2]);
}

SEC("?kprobe/tcp_v6_syn_recv_sock")
int ack_overflow6__kprobe(struct pt_regs *ctx)
{
	return report_overflow6(ctx, (const struct sock *)kprobe_argument(ctx, 0),
				(struct sk_buff *)kprobe_argument(ctx, 1), (const void *)kprobe_argument(ctx, 2));
}

/*
 * The listener forgets that ACK and sends its SYN-ACK again, which is how a kernel whose functions cannot be traced
 * shows it, a second later. The same happens with TCP_DEFER_ACCEPT, but then the queue is not full. These variants
 * stand behind those of functions, since variants are tried in the order of their sections, and two hooks share these.
 */
static __always_inline int report_waiting(void *ctx, const struct sock *listener, const struct request_sock *request,
					  __u16 family)
{
	const struct sock *common = (const struct sock *)request;

	if (BPF_CORE_READ(common, __sk_common.skc_family) != family ||
	    !BPF_CORE_READ_BITFIELD_PROBED((const struct inet_request_sock *)request, acked))
		return 0;
	return report_overflow(ctx, STAGE_WAITING, listener, request, NULL);
}

SEC("?tp_btf/tcp_retransmit_synack")
int ack_overflow__tp_btf(__u64 *ctx)
{
	return report_waiting(ctx, (const struct sock *)ctx[0], (const struct request_sock *)ctx[1], AF_INET);
}

SEC("?raw_tp/tcp_retransmit_synack")
int ack_overflow__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_waiting(ctx, (const struct sock *)ctx->args[0], (const struct request_sock *)ctx->args[1],
			      AF_INET);
}

SEC("?tp_btf/tcp_retransmit_synack")
int ack_overflow6__tp_btf(__u64 *ctx)
{
	return report_waiting(ctx, (const struct sock *)ctx[0], (const struct request_sock *)ctx[1], AF_INET6);
}

SEC("?raw_tp/tcp_retransmit_synack")
int ack_overflow6__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_waiting(ctx, (const struct sock *)ctx->args[0], (const struct request_sock *)ctx->args[1],
			      AF_INET6);
}

/* bpf_get_stack() and bpf_probe_read_kernel() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
