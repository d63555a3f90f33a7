// SPDX-License-Identifier: GPL-2.0
/*
 * How long softirqs wait and run, per vector and CPU: irq:softirq_raise, irq:softirq_entry, irq:softirq_exit.
 * A vector that is raised again before it runs waits since the first time.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/histogram.h"

/* NR_SOFTIRQS; include/linux/interrupt.h: ABI, shown in /proc/softirqs. */
#define VECTORS 10

struct softirq_latency_key {
	__u32 vector;
	__s32 on_cpu;
};

struct softirq_latency {
	__u64 delay_count;
	__u64 delay_total_ns;
	__u64 delay_ns[HISTOGRAM_SLOTS];
	__u64 run_count;
	__u64 run_total_ns;
	__u64 run_ns[HISTOGRAM_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct softirq_latency_key);
	__type(value, struct softirq_latency);
} latency SEC(".maps");

/* What is under way on this CPU. */
struct vector_run {
	__u64 raised; /* CLOCK_MONOTONIC in ns; 0: it is not, or was before the probe was there */
	__u64 entered; /* the same of the run; 0: none */
	__u64 delay; /* of the run, in ns; UNKNOWN_DELAY: nobody saw its raise */
};
#define UNKNOWN_DELAY (~0ULL)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VECTORS);
	__type(key, __u32);
	__type(value, struct vector_run);
} runs SEC(".maps");

/* What a new entry is made of. */
static struct softirq_latency zeros;

static __always_inline struct softirq_latency *latency_of(__u32 vector)
{
	struct softirq_latency_key key = {
		.vector = vector,
		.on_cpu = bpf_get_smp_processor_id(),
	};

	return polled_lookup(&latency, &key, &zeros);
}

static __always_inline int raise(__u32 vector)
{
	struct vector_run *run = bpf_map_lookup_elem(&runs, &vector);

	if (run && !run->raised)
		run->raised = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int enter(__u32 vector)
{
	struct vector_run *run = bpf_map_lookup_elem(&runs, &vector);

	if (!run)
		return 0;
	run->entered = bpf_ktime_get_ns();
	run->delay = run->raised ? run->entered - run->raised : UNKNOWN_DELAY;
	run->raised = 0;
	return 0;
}

/* The delay is added here too: with one lookup, and no run has a delay and no time, whatever is attached first. */
static __always_inline int leave(__u32 vector)
{
	struct vector_run *run = bpf_map_lookup_elem(&runs, &vector);
	struct softirq_latency *sum;
	__u64 time;

	if (!run || !run->entered)
		return 0;
	time = bpf_ktime_get_ns() - run->entered;
	run->entered = 0;
	sum = latency_of(vector);
	if (!sum)
		return 0;
	if (run->delay != UNKNOWN_DELAY) {
		__sync_fetch_and_add(&sum->delay_count, 1);
		__sync_fetch_and_add(&sum->delay_total_ns, run->delay);
		histogram_add(sum->delay_ns, run->delay);
	}
	__sync_fetch_and_add(&sum->run_count, 1);
	__sync_fetch_and_add(&sum->run_total_ns, time);
	histogram_add(sum->run_ns, time);
	return 0;
}

SEC("tp_btf/softirq_raise")
int raise__tp_btf(__u64 *ctx)
{
	return raise(ctx[0]);
}

SEC("raw_tp/softirq_raise")
int raise__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return raise(ctx->args[0]);
}

SEC("tp/irq/softirq_raise")
int raise__tp(struct trace_event_raw_softirq *ctx)
{
	return raise(BPF_CORE_READ(ctx, vec));
}

SEC("tp_btf/softirq_entry")
int entry__tp_btf(__u64 *ctx)
{
	return enter(ctx[0]);
}

SEC("raw_tp/softirq_entry")
int entry__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return enter(ctx->args[0]);
}

SEC("tp/irq/softirq_entry")
int entry__tp(struct trace_event_raw_softirq *ctx)
{
	return enter(BPF_CORE_READ(ctx, vec));
}

SEC("tp_btf/softirq_exit")
int exit__tp_btf(__u64 *ctx)
{
	return leave(ctx[0]);
}

SEC("raw_tp/softirq_exit")
int exit__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return leave(ctx->args[0]);
}

SEC("tp/irq/softirq_exit")
int exit__tp(struct trace_event_raw_softirq *ctx)
{
	return leave(BPF_CORE_READ(ctx, vec));
}

char LICENSE[] SEC("license") = "GPL";
