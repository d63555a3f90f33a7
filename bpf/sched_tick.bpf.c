// SPDX-License-Identifier: GPL-2.0
/*
 * Timer ticks that come late: for so long the CPU took no interrupts, or was in one. The tick interrupts whatever has
 * let interrupts in again, and that is the stack that is reported.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"
#include "include/interrupted.h"
#include "include/stack.h"
#include "include/task.h"

/* Report a tick that comes so long after the one before it. */
const volatile __u64 threshold_ns = 10000000;

struct sched_tick_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 memory_cgroup_id;
	__u64 location;
	__s64 late_ns;
	__s64 tick_interval_ns;
	__u8 has_memory_cgroup;
	__u8 has_location;
	__u8 has_tick_interval;
	__u8 kernel_stack_frames;
	__u8 pad[4];
	__u64 kernel_stack[STACK_FRAMES];
};

struct sched_tick_scratch {
	struct sched_tick_event event;
	struct stack_scratch stack;
};

CHANNEL_SCRATCH(struct sched_tick_scratch);

/* Of a CPU, all in ns of CLOCK_MONOTONIC. */
struct last_tick {
	__u64 ran;
	__u64 due;
	__u64 period; /* the least time that was between two ticks' dues; 0: there were no two */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct last_tick);
} last_ticks SEC(".maps");

struct tick {
	__u64 now;
	__u64 due;
	__u64 interval; /* since the tick before; 0: the CPU was without ticks in between, or it is the first */
};

/* The function of the tick's timer: before 6.8, and since. Where neither's address is to be had, the programs are
 * refused. */
extern const void tick_sched_timer __ksym __weak;
extern const void tick_nohz_handler __ksym __weak;

static __always_inline bool is_tick(struct hrtimer *timer)
{
	__u64 function = (__u64)BPF_CORE_READ(timer, function);

	/* Reached on no kernel, or on the first run: no verifier lets a program with it in. */
	if (!&tick_sched_timer && !&tick_nohz_handler)
		bpf_probe_read_kernel(NULL, sizeof(function), timer);
	return function == (__u64)&tick_sched_timer || function == (__u64)&tick_nohz_handler;
}

/*
 * A tick's due is the last tick's plus the period, unless the CPU was idle in between and had its tick stopped: then it
 * is later, and the time between the two ticks says nothing.
 */
static __always_inline void note(struct last_tick *last, struct tick *tick)
{
	__u64 between = tick->due - last->due;

	if (last->due && between && (!last->period || between < last->period))
		last->period = between;
	if (last->ran && tick->due <= last->ran + last->period)
		tick->interval = tick->now - last->ran;
	last->due = tick->due;
	last->ran = tick->now;
}

static __always_inline void fill(void *ctx, struct sched_tick_scratch *slot, const struct tick *tick)
{
	struct sched_tick_event *event = &slot->event;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	bool cut;

	event->ktime_ns = tick->now;
	event->cpu = bpf_get_smp_processor_id();
	task_fill_current(event);
	event->memory_cgroup_id = task_memcg_id(task);
	event->has_memory_cgroup = event->memory_cgroup_id != 0;
	event->late_ns = tick->now - tick->due;
	event->tick_interval_ns = tick->interval;
	event->has_tick_interval = tick->interval != 0;
	event->kernel_stack_frames = interrupted_stack(ctx, &slot->stack, event->kernel_stack, &cut);
	event->has_location = cut;
	event->location = event->kernel_stack[0];
}

static __always_inline void look(void *ctx, struct sched_tick_scratch *slot, const struct tick *tick)
{
	struct sched_tick_event *event = &slot->event;
	__u32 frames;

	__builtin_memset(event, 0, __builtin_offsetof(struct sched_tick_event, kernel_stack));
	if (!channel_admit((__u32)bpf_get_current_pid_tgid(), tick->now, &event->sequence))
		return;
	fill(ctx, slot, tick);
	frames = event->kernel_stack_frames & STACK_FRAMES;
	channel_submit(ctx, event, __builtin_offsetof(struct sched_tick_event, kernel_stack) + frames * sizeof(__u64));
}

static __always_inline int report(void *ctx, struct hrtimer *timer)
{
	struct sched_tick_scratch *slot;
	struct last_tick *last;
	struct tick tick = {};
	__u32 zero = 0;
	__u64 late;
	int depth;

	if (!is_tick(timer))
		return 0;
	last = bpf_map_lookup_elem(&last_ticks, &zero);
	if (!last)
		return 0;
	tick.now = bpf_ktime_get_ns();
	tick.due = BPF_CORE_READ(timer, _softexpires);
	late = tick.now > tick.due ? tick.now - tick.due : 0;
	note(last, &tick);
	if ((tick.interval ? tick.interval : late) < threshold_ns)
		return 0;
	depth = channel_enter();
	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot)
		look(ctx, slot, &tick);
	channel_leave();
	return 0;
}

/*
 * The variants, in the order in which they are tried. A timer's due time is in it until it is set anew, which its
 * function does; and when the interrupt has come at last, the time now is the time of the tick.
 */
SEC("tp_btf/hrtimer_expire_entry")
int tick__tp_btf(__u64 *ctx)
{
	return report(ctx, (struct hrtimer *)ctx[0]);
}

SEC("raw_tp/hrtimer_expire_entry")
int tick__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report(ctx, (struct hrtimer *)ctx->args[0]);
}

SEC("tp/timer/hrtimer_expire_entry")
int tick__tp(struct trace_event_raw_hrtimer_expire_entry *ctx)
{
	return report(ctx, BPF_CORE_READ(ctx, hrtimer));
}

/* bpf_get_stack() and bpf_probe_read_kernel() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
