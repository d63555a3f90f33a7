// SPDX-License-Identifier: GPL-2.0
/*
 * How long the handlers of hard interrupts run, per line, handler and CPU: irq:irq_handler_entry, irq:irq_handler_exit.
 * On a shared line each handler is called, and most of them have nothing to do.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/histogram.h"

/* A queue's name with its device's address (mlx5_comp12@pci:0000:3b:00.0) has 28 bytes. */
#define NAME_BYTES 32

struct irq_latency_key {
	__u32 irq;
	__s32 on_cpu;
	char handler[NAME_BYTES];
};

struct irq_latency {
	__u64 run_count;
	__u64 run_total_ns;
	__u64 run_ns[HISTOGRAM_SLOTS];
	__u64 unhandled;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct irq_latency_key);
	__type(value, struct irq_latency);
} latency SEC(".maps");

/* The handler that runs on this CPU: interrupts are off meanwhile, so it is one. */
struct run {
	__u64 since; /* CLOCK_MONOTONIC in ns; 0: none runs */
	struct irq_latency_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct run);
} running SEC(".maps");

/* What a new entry is made of. */
static struct irq_latency zeros;

static __always_inline struct run *run_of_this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&running, &zero);
}

/* The time is taken last, to be that of the handler alone. */
static __always_inline int enter(__u32 irq, const char *name)
{
	struct run *run = run_of_this_cpu();

	if (!run)
		return 0;
	__builtin_memset(&run->key, 0, sizeof(run->key));
	run->key.irq = irq;
	run->key.on_cpu = bpf_get_smp_processor_id();
	bpf_probe_read_kernel_str(run->key.handler, sizeof(run->key.handler), name);
	run->since = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int leave(__u32 irq, int result)
{
	__u64 now = bpf_ktime_get_ns();
	struct run *run = run_of_this_cpu();
	struct irq_latency *sum;
	__u64 time;

	/* Began before the probe was there. */
	if (!run || !run->since || run->key.irq != irq)
		return 0;
	time = now - run->since;
	run->since = 0;
	sum = polled_lookup(&latency, &run->key, &zeros);
	if (!sum)
		return 0;
	__sync_fetch_and_add(&sum->run_count, 1);
	__sync_fetch_and_add(&sum->run_total_ns, time);
	histogram_add(sum->run_ns, time);
	if (result == IRQ_NONE)
		__sync_fetch_and_add(&sum->unhandled, 1);
	return 0;
}

static __always_inline const char *name_of(__u64 action)
{
	return BPF_CORE_READ((struct irqaction *)action, name);
}

/* Arguments: irq, action; of the exit what the handler returned too. */
SEC("tp_btf/irq_handler_entry")
int entry__tp_btf(__u64 *ctx)
{
	return enter(ctx[0], name_of(ctx[1]));
}

SEC("raw_tp/irq_handler_entry")
int entry__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return enter(ctx->args[0], name_of(ctx->args[1]));
}

/* The name lies behind the record's fields, where the lower half of __data_loc_name says. */
SEC("tp/irq/irq_handler_entry")
int entry__tp(struct trace_event_raw_irq_handler_entry *ctx)
{
	__u16 at = BPF_CORE_READ(ctx, __data_loc_name);

	return enter(BPF_CORE_READ(ctx, irq), (const char *)ctx + at);
}

SEC("tp_btf/irq_handler_exit")
int exit__tp_btf(__u64 *ctx)
{
	return leave(ctx[0], ctx[2]);
}

SEC("raw_tp/irq_handler_exit")
int exit__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return leave(ctx->args[0], ctx->args[2]);
}

SEC("tp/irq/irq_handler_exit")
int exit__tp(struct trace_event_raw_irq_handler_exit *ctx)
{
	return leave(BPF_CORE_READ(ctx, irq), BPF_CORE_READ(ctx, ret));
}

char LICENSE[] SEC("license") = "GPL";
