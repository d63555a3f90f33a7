// SPDX-License-Identifier: GPL-2.0
/*
 * What TCP sends again, and why: segments, SYN-ACKs, probes for the loss of the last segments; and retransmissions
 * that TCP found out later not to have been needed.
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
#include "include/task.h"

/* Which to report. */
const volatile bool watch_segments = true;
const volatile bool watch_syn_acks = true;
const volatile bool watch_loss_probes = true;
const volatile bool watch_spurious = true;

enum retransmit_kind {
	KIND_SEGMENT,
	KIND_SYN_ACK,
	KIND_LOSS_PROBE,
	KIND_UNDO,
};

enum retransmit_cause {
	CAUSE_RTO,
	CAUSE_FAST_RETRANSMIT,
	CAUSE_TLP,
	CAUSE_SPURIOUS,
	CAUSE_PATH_MTU,
	CAUSE_UNKNOWN,
};

/* enum tcp_ca_state: ABI, in tcp_info */
#define TCP_CA_OPEN 0
#define TCP_CA_RECOVERY 3
#define TCP_CA_LOSS 4

/* icsk_pending: the timer that is armed, or that is running when it is one of these. The same since 4.12. */
#define ICSK_TIME_LOSS_PROBE 5

#define SRTT_SHIFT 3

struct tcp_retransmit_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 socket_cgroup_id;
	__u32 netns;
	__s32 ifindex;
	char device[IFNAMSIZ];
	ENDPOINT_FIELDS;
	__u8 kind;
	__u8 cause;
	__u8 sk_state;
	__u8 tcp_flags;
	__u8 ca_state;
	__u8 timeouts;
	__u8 backoff;
	__u8 attempts;
	__u8 has_socket_cgroup;
	__u8 has_netns;
	__u8 has_device;
	__u8 has_segment;
	__u8 has_flags;
	__u8 has_error;
	__u8 has_connection;
	__u8 has_request;
	__u32 tcp_seq;
	__u32 tcp_end_seq;
	__u32 srtt_us;
	__u32 cwnd;
	__u32 packets_out;
	__u32 retrans_out;
	__u32 sacked_out;
	__u32 lost_out;
	__u32 total_retrans;
	__u32 reordering_seen;
	__u32 dsack_dups;
	__u32 accept_queue;
	__u32 accept_queue_limit;
	__s32 error;
};

struct tcp_retransmit_scratch {
	struct tcp_retransmit_event event;
	struct socket socket;
	struct endpoints ends __attribute__((aligned(8)));
};

CHANNEL_SCRATCH(struct tcp_retransmit_scratch);

/* What a hook hands over, whichever way it is attached. */
struct retransmit {
	const struct sock *sk; /* of a SYN-ACK: the listener, or with TCP fast open its child */
	const struct sk_buff *skb; /* NULL: none */
	const struct request_sock *request; /* of a SYN-ACK */
	enum retransmit_kind kind;
	__s32 error;
	bool has_error;
};

static __always_inline __u8 ca_state_of(const struct sock *sk)
{
	return BPF_CORE_READ_BITFIELD_PROBED((const struct inet_connection_sock *)sk, icsk_ca_state);
}

/*
 * The state of congestion control tells. A probe is sent from its timer, which is pending while it runs; in recovery
 * and after a timeout that timer may be armed still, but is none's cause. TCP enters the state Loss by a timeout,
 * which it counts, and marks where to undo it; or because a router said that segments are too big for the path, and
 * then it does neither.
 */
static __always_inline enum retransmit_cause cause_of(const struct retransmit *what)
{
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)what->sk;
	const struct tcp_sock *tp = (const struct tcp_sock *)what->sk;

	switch (what->kind) {
	case KIND_SYN_ACK:
		return CAUSE_RTO;
	case KIND_LOSS_PROBE:
		return CAUSE_TLP;
	case KIND_UNDO:
		return CAUSE_SPURIOUS;
	default:
		break;
	}
	switch (ca_state_of(what->sk)) {
	case TCP_CA_LOSS:
		if (!BPF_CORE_READ(icsk, icsk_retransmits) && !BPF_CORE_READ(tp, undo_marker))
			return CAUSE_PATH_MTU;
		return CAUSE_RTO;
	case TCP_CA_RECOVERY:
		return CAUSE_FAST_RETRANSMIT;
	default:
		if (BPF_CORE_READ(icsk, icsk_pending) == ICSK_TIME_LOSS_PROBE)
			return CAUSE_TLP;
		return CAUSE_UNKNOWN;
	}
}

static __always_inline void fill_place(struct tcp_retransmit_event *event, const struct sock *sk,
				       const struct socket *socket)
{
	struct net_device *dev = socket_device(sk);

	event->netns = namespace_inode((struct net *)socket->net);
	event->has_netns = event->netns != 0;
	if (dev) {
		event->has_device = 1;
		event->ifindex = BPF_CORE_READ(dev, ifindex);
		BPF_CORE_READ_STR_INTO(&event->device, dev, name);
	}
	event->socket_cgroup_id = socket_cgroup_id(sk);
	event->has_socket_cgroup = event->socket_cgroup_id != 0;
}

static __always_inline void fill_segment(struct tcp_retransmit_event *event, const struct sk_buff *skb)
{
	const struct tcp_skb_cb *cb = (const void *)__builtin_preserve_access_index(&skb->cb);

	event->has_segment = 1;
	event->has_flags = 1;
	event->tcp_seq = BPF_CORE_READ(cb, seq);
	event->tcp_end_seq = BPF_CORE_READ(cb, end_seq);
	event->tcp_flags = BPF_CORE_READ_BITFIELD_PROBED(cb, tcp_flags);
}

static __always_inline void fill_connection(struct tcp_retransmit_event *event, const struct sock *sk)
{
	const struct inet_connection_sock *icsk = (const struct inet_connection_sock *)sk;
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;

	event->has_connection = 1;
	event->ca_state = ca_state_of(sk);
	event->timeouts = BPF_CORE_READ(icsk, icsk_retransmits);
	event->backoff = BPF_CORE_READ(icsk, icsk_backoff);
	event->srtt_us = BPF_CORE_READ(tp, srtt_us) >> SRTT_SHIFT;
	event->cwnd = BPF_CORE_READ(tp, snd_cwnd);
	event->packets_out = BPF_CORE_READ(tp, packets_out);
	event->retrans_out = BPF_CORE_READ(tp, retrans_out);
	event->sacked_out = BPF_CORE_READ(tp, sacked_out);
	event->lost_out = BPF_CORE_READ(tp, lost_out);
	event->total_retrans = BPF_CORE_READ(tp, total_retrans);
	event->reordering_seen = BPF_CORE_READ(tp, reord_seen);
	event->dsack_dups = BPF_CORE_READ(tp, dsack_dups);
}

static __always_inline void fill_request(struct tcp_retransmit_event *event, const struct request_sock *request,
					 const struct sock *listener)
{
	event->has_request = 1;
	event->attempts = BPF_CORE_READ(request, num_retrans) + 1;
	event->accept_queue = BPF_CORE_READ(listener, sk_ack_backlog);
	event->accept_queue_limit = BPF_CORE_READ(listener, sk_max_ack_backlog);
	event->has_segment = 1;
	event->tcp_seq = BPF_CORE_READ((const struct tcp_request_sock *)request, snt_isn);
	event->tcp_end_seq = event->tcp_seq + 1;
}

static __always_inline void fill(struct tcp_retransmit_scratch *slot, const struct retransmit *what)
{
	struct tcp_retransmit_event *event = &slot->event;
	const struct sock *connection = what->request ? (const struct sock *)what->request : what->sk;

	__builtin_memset(&slot->socket, 0, sizeof(slot->socket));
	__builtin_memset(&slot->ends, 0, sizeof(slot->ends));
	socket_read((struct sock *)what->sk, &slot->socket);
	endpoints_read(connection, &slot->ends);
	event->cpu = bpf_get_smp_processor_id();
	task_fill_current(event);
	fill_place(event, what->sk, &slot->socket);
	endpoints_fill(event, &slot->ends.local, &slot->ends.remote, slot->ends.address_length);
	event->sk_state = BPF_CORE_READ(connection, __sk_common.skc_state);
	event->error = what->error;
	event->has_error = what->has_error;
	if (what->skb)
		fill_segment(event, what->skb);
	if (what->request)
		fill_request(event, what->request, what->sk);
	else
		fill_connection(event, what->sk);
}

static __always_inline int report(void *ctx, const struct retransmit *what)
{
	struct tcp_retransmit_scratch *slot;
	enum retransmit_cause cause = cause_of(what);
	__u64 now = bpf_ktime_get_ns();
	int depth = channel_enter();

	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot) {
		__builtin_memset(&slot->event, 0, sizeof(slot->event));
		if (channel_admit(what->kind << 4 | cause, now, &slot->event.sequence)) {
			slot->event.ktime_ns = now;
			slot->event.kind = what->kind;
			slot->event.cause = cause;
			fill(slot, what);
			channel_submit(ctx, &slot->event, sizeof(slot->event));
		}
	}
	channel_leave();
	return 0;
}

/*
 * A segment, probes that repeat one among them. Until 6.17 the tracepoint is reached only when the segment could be
 * sent; since then always, with what became of it.
 */
static __always_inline int report_segment(void *ctx, const __u64 *args)
{
	struct retransmit what = {
		.sk = (const struct sock *)args[0],
		.skb = (const struct sk_buff *)args[1],
		.kind = KIND_SEGMENT,
	};

	if (!watch_segments)
		return 0;
	if (bpf_core_field_exists(struct trace_event_raw_tcp_retransmit_skb, err)) {
		what.has_error = true;
		what.error = args[2];
	}
	return report(ctx, &what);
}

SEC("tp_btf/tcp_retransmit_skb")
int segment__tp_btf(__u64 *ctx)
{
	return report_segment(ctx, ctx);
}

SEC("raw_tp/tcp_retransmit_skb")
int segment__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_segment(ctx, (__u64 *)ctx);
}

SEC("tp/tcp/tcp_retransmit_skb")
int segment__tp(void *ctx)
{
	struct trace_event_raw_tcp_retransmit_skb *own = ctx;
	struct trace_event_raw_tcp_event_sk_skb *shared = ctx;
	struct retransmit what = {.kind = KIND_SEGMENT};

	if (!watch_segments)
		return 0;
	if (bpf_core_type_exists(struct trace_event_raw_tcp_retransmit_skb)) {
		what.sk = BPF_CORE_READ(own, skaddr);
		what.skb = BPF_CORE_READ(own, skbaddr);
	} else {
		what.sk = BPF_CORE_READ(shared, skaddr);
		what.skb = BPF_CORE_READ(shared, skbaddr);
	}
	if (bpf_core_field_exists(own->err)) {
		what.has_error = true;
		what.error = BPF_CORE_READ(own, err);
	}
	return report(ctx, &what);
}

static __always_inline int report_syn_ack(void *ctx, const struct sock *sk, const struct request_sock *request)
{
	struct retransmit what = {
		.sk = sk,
		.request = request,
		.kind = KIND_SYN_ACK,
	};

	return watch_syn_acks ? report(ctx, &what) : 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int syn_ack__tp_btf(__u64 *ctx)
{
	return report_syn_ack(ctx, (const struct sock *)ctx[0], (const struct request_sock *)ctx[1]);
}

SEC("raw_tp/tcp_retransmit_synack")
int syn_ack__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_syn_ack(ctx, (const struct sock *)ctx->args[0], (const struct request_sock *)ctx->args[1]);
}

SEC("tp/tcp/tcp_retransmit_synack")
int syn_ack__tp(struct trace_event_raw_tcp_retransmit_synack *ctx)
{
	return report_syn_ack(ctx, BPF_CORE_READ(ctx, skaddr), BPF_CORE_READ(ctx, req));
}

/*
 * A probe that repeats the last segment is reported as that segment, with its cause. But where there is new data and
 * the receiver has room, the probe is the first segment of that, no retransmission, and only the function shows it.
 */
static __always_inline int report_loss_probe(void *ctx, const struct sock *sk)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	const struct sk_buff *head;
	const struct tcp_skb_cb *cb;
	__u32 length, mss, room;
	struct retransmit what = {.sk = sk, .kind = KIND_LOSS_PROBE};

	/* One is out already: no other is sent. */
	if (!watch_loss_probes || BPF_CORE_READ(tp, tlp_high_seq) || !BPF_CORE_READ(sk, sk_write_queue.qlen))
		return 0;
	head = BPF_CORE_READ(sk, sk_write_queue.next);
	cb = (const void *)__builtin_preserve_access_index(&head->cb);
	length = BPF_CORE_READ(cb, end_seq) - BPF_CORE_READ(cb, seq);
	mss = BPF_CORE_READ(tp, mss_cache);
	room = BPF_CORE_READ(tp, snd_una) + BPF_CORE_READ(tp, snd_wnd) - BPF_CORE_READ(cb, seq);
	if ((__s32)room < 0 || room < (length < mss ? length : mss))
		return 0;
	what.skb = head;
	return report(ctx, &what);
}

SEC("?fentry/tcp_send_loss_probe")
int loss_probe__fentry(__u64 *ctx)
{
	return report_loss_probe(ctx, (const struct sock *)ctx[0]);
}

SEC("?kprobe/tcp_send_loss_probe")
int loss_probe__kprobe(struct pt_regs *ctx)
{
	return report_loss_probe(ctx, (const struct sock *)kprobe_argument(ctx, 0));
}

/*
 * TCP leaves recovery, or the state after a timeout, because it found (by DSACK, timestamps or F-RTO) that nothing was
 * lost: it has taken its reaction back, and with it the mark where to take it back to. Where there was none to begin
 * with, as of segments too big for the path, there was no threshold kept to go back to either. Since 5.17.
 */
static __always_inline int report_state(void *ctx, const struct sock *sk, __u8 to)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	struct retransmit what = {.sk = sk, .kind = KIND_UNDO};
	__u8 from = ca_state_of(sk);

	if (!watch_spurious || to != TCP_CA_OPEN || (from != TCP_CA_RECOVERY && from != TCP_CA_LOSS))
		return 0;
	if (BPF_CORE_READ(tp, undo_marker) || !BPF_CORE_READ(tp, prior_ssthresh))
		return 0;
	return report(ctx, &what);
}

SEC("?tp_btf/tcp_cong_state_set")
int undo__tp_btf(__u64 *ctx)
{
	return report_state(ctx, (const struct sock *)ctx[0], ctx[1]);
}

SEC("?raw_tp/tcp_cong_state_set")
int undo__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_state(ctx, (const struct sock *)ctx->args[0], ctx->args[1]);
}

/* bpf_probe_read_kernel() is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
