/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way of an event out of the kernel, and the account of it. A program does
 *
 *	depth = channel_enter();			negative: refused and counted
 *	slot = bpf_map_lookup_elem(&scratch, &depth);
 *	... look at what happened ...
 *	if (channel_admit(class, now, &sequence)) {	counted as attempted; false: refused and counted
 *		... fill the event ...
 *		channel_submit(ctx, event, length);	counted as submitted or ring_full
 *	}
 *	channel_leave();
 *
 * attempted = rate_limited + ring_full + submitted, each counted by itself. All of it is per CPU and takes no lock.
 *
 * A program can be interrupted by a softirq, and that by a hard interrupt, in which it runs again: kernels before 6.1
 * let it (later ones skip the inner run, and count it in bpf_prog_info.recursion_misses). So counters are added to
 * atomically, and each depth has a scratch slot of its own. What a program finds out it keeps in its slot rather
 * than on its stack: the verifier follows every value on the stack, and gives up at a million states.
 */
#ifndef __BIANQUE_CHANNEL_H__
#define __BIANQUE_CHANNEL_H__

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "account.h"

#define NSEC_PER_SEC 1000000000ULL

/* task, softirq, hard interrupt */
#define CHANNEL_DEPTH 3

/* A power of two. More classes than this share a place, and so a budget. */
#define CHANNEL_CLASSES 256

/*
 * Events a second and CPU that may leave the kernel; 0: no limit. A probe whose events come at a set rate has none of
 * its own: #define CHANNEL_EVENTS_PER_SECOND 0 before this file.
 */
#ifndef CHANNEL_EVENTS_PER_SECOND
#define CHANNEL_EVENTS_PER_SECOND 100
#endif
const volatile __u32 max_events_per_second = CHANNEL_EVENTS_PER_SECOND;

/*
 * Bytes of the ring buffer, or of each CPU's perf ring: a power of two; 0: as the agent's configuration says. Resident
 * memory is twice that, so a probe of rare events asks for less: #define CHANNEL_BYTES (64 * 1024) before this file.
 */
#ifndef CHANNEL_BYTES
#define CHANNEL_BYTES 0
#endif
const volatile __u32 channel_bytes = CHANNEL_BYTES;

/* Set by the agent: events go to the perf event array, not to the ring buffer. */
const volatile bool use_perf_buffer = false;

struct channel_counters {
	__u64 attempted;
	__u64 rate_limited;
	__u64 ring_full;
	__u64 submitted;
};

struct channel_budget {
	__u32 second; /* of CLOCK_MONOTONIC, in which the others count */
	__u32 passed;
};

struct channel_state {
	__u64 sequence;
	__u32 depth;
	__u32 admitting;
	struct channel_budget total;
	struct channel_budget by_class[CHANNEL_CLASSES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct channel_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct channel_state);
} channel SEC(".maps");

/* Of these two the agent makes one. Since 5.8; the agent sets its size. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events_perf SEC(".maps");

/* The scratch slots of a probe: a type whose first member is the event. */
#define CHANNEL_SCRATCH(slot_type)                       \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); \
		__uint(max_entries, CHANNEL_DEPTH);      \
		__type(key, __u32);                      \
		__type(value, slot_type);                \
	} scratch SEC(".maps")

static __always_inline struct channel_counters *channel_counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

/* What has passed in this second, an older second's count being none. */
static __always_inline __u32 channel_passed(struct channel_budget *budget, __u32 second)
{
	if (budget->second != second) {
		budget->second = second;
		budget->passed = 0;
	}
	return budget->passed;
}

/*
 * A class (a drop reason, say) may use at most twice what is left of the second's budget, so that a flood of one
 * stops at two thirds of it and a rare one finds room whenever in the second it comes. The rule is that of shared
 * switch buffers: "dynamic thresholds", Choudhury and Hahne, with alpha = 2.
 */
static __always_inline bool channel_within_budget(struct channel_state *state, __u32 class, __u64 now)
{
	struct channel_budget *own = &state->by_class[class & (CHANNEL_CLASSES - 1)];
	__u32 second = now / NSEC_PER_SEC;
	__u32 passed = channel_passed(&state->total, second);
	__u32 passed_own = channel_passed(own, second);

	if (!max_events_per_second)
		return true;
	if (passed >= max_events_per_second)
		return false;
	if (passed_own >= 2ULL * (max_events_per_second - passed))
		return false;
	state->total.passed = passed + 1;
	own->passed = passed_own + 1;
	return true;
}

/* The depth of this run, which names its scratch slot; negative: there is none. */
static __always_inline int channel_enter(void)
{
	struct channel_counters *count = channel_counters();
	__u32 zero = 0;
	struct channel_state *state = bpf_map_lookup_elem(&channel, &zero);
	__u32 depth;

	if (!count || !state)
		return -1;
	depth = state->depth;
	if (depth >= CHANNEL_DEPTH) {
		__sync_fetch_and_add(&count->attempted, 1);
		__sync_fetch_and_add(&count->ring_full, 1);
		return -1;
	}
	state->depth = depth + 1;
	barrier();
	return depth;
}

static __always_inline void channel_leave(void)
{
	__u32 zero = 0;
	struct channel_state *state = bpf_map_lookup_elem(&channel, &zero);

	barrier();
	if (state)
		state->depth--;
}

/* Asks to report an event of a class; gives it its sequence number when it may go. */
static __always_inline bool channel_admit(__u32 class, __u64 now, __u64 *sequence)
{
	struct channel_counters *count = channel_counters();
	__u32 zero = 0;
	struct channel_state *state = bpf_map_lookup_elem(&channel, &zero);
	bool admitted = false;

	if (!count || !state)
		return false;
	__sync_fetch_and_add(&count->attempted, 1);

	/*
	 * Budget and sequence are read, changed and written back; an inner run that comes in between would do the
	 * same with the old values. It is a matter of some ten ns, so it is refused, not served.
	 */
	if (!state->admitting) {
		state->admitting = 1;
		barrier();
		admitted = channel_within_budget(state, class, now);
		if (admitted)
			*sequence = ++state->sequence;
		barrier();
		state->admitting = 0;
	}
	if (!admitted)
		__sync_fetch_and_add(&count->rate_limited, 1);
	return admitted;
}

/*
 * The agent looks at the channel at a fixed interval, so nobody is woken. Both calls copy: the event's true length
 * is known only when it is whole, and bpf_ringbuf_reserve() takes a constant.
 */
static __always_inline void channel_submit(void *ctx, void *event, __u64 length)
{
	struct channel_counters *count = channel_counters();
	long err;

	if (use_perf_buffer)
		err = bpf_perf_event_output(ctx, &events_perf, BPF_F_CURRENT_CPU, event, length);
	else
		err = bpf_ringbuf_output(&events, event, length, BPF_RB_NO_WAKEUP);
	if (!count)
		return;
	if (err)
		__sync_fetch_and_add(&count->ring_full, 1);
	else
		__sync_fetch_and_add(&count->submitted, 1);
}

#endif /* __BIANQUE_CHANNEL_H__ */
