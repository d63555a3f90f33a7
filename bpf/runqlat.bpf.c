// SPDX-License-Identifier: GPL-2.0
/*
 * How long tasks that could run wait for a CPU, per cgroup: from sched:sched_wakeup, sched:sched_wakeup_new, or the
 * sched:sched_switch that took the CPU away, to the sched:sched_switch that gives one. Long waits are events.
 *
 * The beginning of a wait is kept in a hash by thread id: the task's own storage is not there before 5.11. A classic
 * tracepoint variant there is none: of a task it tells name and number, but not the cgroup.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/channel.h"
#include "include/event.h"
#include "include/histogram.h"
#include "include/task.h"

/* A wait that is as long, or longer, is an event; 0: none is. */
const volatile __u64 threshold_ns = 20000000;

/* Threads that may wait at one time. */
#define WAITING_THREADS 65536

/* Each needs 350 bytes for every CPU. */
#define CGROUPS 2048

enum wait_cause {
	WAIT_CAUSE_WOKEN,
	WAIT_CAUSE_STARTED,
	WAIT_CAUSE_PREEMPTED,
};

struct runqlat_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 cpu_cgroup_id;
	__s64 latency_ns;
	__u64 prev_cgroup_id;
	__s32 prio;
	__s32 prev_pid;
	__s32 prev_tid;
	__s32 prev_prio;
	char prev_comm[16];
	__u8 wait_cause;
	__u8 has_cpu_cgroup;
	__u8 pad[6];
};

struct runqlat_scratch {
	struct runqlat_event event;
};

CHANNEL_SCRATCH(struct runqlat_scratch);

/* All zeros: the cgroups that found no room, together. */
struct runqlat_latency_key {
	__u64 cgroup_id;
	__u64 cpu_cgroup_id;
	__u8 has_cgroup;
	__u8 has_cpu_cgroup;
	__u8 pad[6];
};

struct runqlat_latency {
	__u64 count;
	__u64 total_ns;
	__u64 latency_ns[HISTOGRAM_SLOTS];
	__u64 voluntary_switches;
	__u64 involuntary_switches;
};

/* Per CPU: each switch of the host counts here, most of them for a few cgroups. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, CGROUPS);
	__type(key, struct runqlat_latency_key);
	__type(value, struct runqlat_latency);
} latency SEC(".maps");

struct wait {
	__u64 since; /* CLOCK_MONOTONIC in ns */
	__u64 cause;
};

/* By thread id: who waits now. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WAITING_THREADS);
	__type(key, __u32);
	__type(value, struct wait);
} waiting SEC(".maps");

/* What a new entry is made of. */
static struct runqlat_latency zeros;

/*
 * Keeps the beginning that there is. The runqueue's lock is held wherever this is called, so that beginning and end of
 * a wait never overlap.
 */
static __always_inline void begin_wait(__u32 tid, __u64 now, enum wait_cause cause)
{
	struct wait wait = {
		.since = now,
		.cause = cause,
	};

	if (bpf_map_update_elem(&waiting, &tid, &wait, BPF_NOEXIST) == -E2BIG)
		polled_count_missed();
}

/*
 * A task that is woken while it runs does not wait; one that is woken after it was preempted on its way to sleep does
 * so since then.
 */
static __always_inline int wake(struct task_struct *task, enum wait_cause cause)
{
	if (!BPF_CORE_READ(task, on_cpu))
		begin_wait(BPF_CORE_READ(task, pid), bpf_ktime_get_ns(), cause);
	return 0;
}

static __always_inline void fill_key(struct runqlat_latency_key *key, struct task_struct *task)
{
	struct cgroup *cpu_cgroup = task_controller_cgroup(task, cpu_cgrp_id);

	key->cgroup_id = task_cgroup_id(task);
	key->has_cgroup = 1;
	if (cpu_cgroup) {
		key->cpu_cgroup_id = BPF_CORE_READ(cpu_cgroup, kn, id);
		key->has_cpu_cgroup = 1;
	}
}

/* The entry of a key. The one for all that find no room is made before any other. */
static __always_inline struct runqlat_latency *latency_of(const struct runqlat_latency_key *key)
{
	struct runqlat_latency *sum = bpf_map_lookup_elem(&latency, key);
	struct runqlat_latency_key others = {};
	struct runqlat_latency *sum_of_others;

	if (sum)
		return sum;
	sum_of_others = polled_lookup(&latency, &others, &zeros);
	bpf_map_update_elem(&latency, key, &zeros, BPF_NOEXIST);
	sum = bpf_map_lookup_elem(&latency, key);
	return sum ? sum : sum_of_others;
}

/*
 * As the kernel decides and counts it. A task that is preempted between setting its state and sleeping can still run;
 * and so can one that yields, or that returns to user space when its time is up, without being preempted in the kernel.
 */
static __always_inline bool can_run(struct task_struct *task, bool preempted)
{
	struct task_struct___before_5_14 *before = (void *)task;

	if (preempted)
		return true;
	if (bpf_core_field_exists(task->__state))
		return !BPF_CORE_READ(task, __state);
	return !BPF_CORE_READ(before, state);
}

/*
 * It ran, so it does not wait: if it seems to, this program was not run at the switch that gave it the CPU. That
 * happens (on 6.18 at one switch of 1,000), and its wait would seem to last until it ran the next time.
 */
static __always_inline void forget_wait(__u32 tid)
{
	if (!bpf_map_lookup_elem(&waiting, &tid))
		return;
	bpf_map_delete_elem(&waiting, &tid);
	polled_count_missed();
}

static __always_inline void leave(struct task_struct *task, __u32 tid, bool preempted, __u64 now)
{
	bool waits = can_run(task, preempted);
	struct runqlat_latency_key key = {};
	struct runqlat_latency *sum;

	fill_key(&key, task);
	sum = latency_of(&key);
	if (sum && waits)
		sum->involuntary_switches++;
	else if (sum)
		sum->voluntary_switches++;
	forget_wait(tid);
	if (waits)
		begin_wait(tid, now, WAIT_CAUSE_PREEMPTED);
}

static __always_inline void fill(struct runqlat_event *event, struct task_struct *prev, struct task_struct *task)
{
	task_fill(event, task);
	event->prio = BPF_CORE_READ(task, prio);
	event->prev_pid = BPF_CORE_READ(prev, tgid);
	event->prev_tid = BPF_CORE_READ(prev, pid);
	event->prev_prio = BPF_CORE_READ(prev, prio);
	event->prev_cgroup_id = task_cgroup_id(prev);
	BPF_CORE_READ_STR_INTO(&event->prev_comm, prev, comm);
}

/* The cgroups of a host share the budget, so that one that is overloaded does not hide the others. */
static __always_inline void report(void *ctx, struct task_struct *prev, struct task_struct *task,
				   const struct runqlat_latency_key *key, const struct wait *wait, __u64 now)
{
	__u32 class = ((key->cgroup_id + key->cpu_cgroup_id) * 0x9e3779b97f4a7c15ULL) >> 56;
	int depth = channel_enter();
	struct runqlat_scratch *slot;
	struct runqlat_event *event;

	if (depth < 0)
		return;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot) {
		event = &slot->event;
		__builtin_memset(event, 0, sizeof(*event));
		if (channel_admit(class, now, &event->sequence)) {
			event->ktime_ns = now;
			event->cpu = bpf_get_smp_processor_id();
			event->latency_ns = now - wait->since;
			event->wait_cause = wait->cause;
			event->cpu_cgroup_id = key->cpu_cgroup_id;
			event->has_cpu_cgroup = key->has_cpu_cgroup;
			fill(event, prev, task);
			channel_submit(ctx, event, sizeof(*event));
		}
	}
	channel_leave();
}

static __always_inline void enter(void *ctx, struct task_struct *prev, struct task_struct *task, __u32 tid, __u64 now)
{
	struct wait *found = bpf_map_lookup_elem(&waiting, &tid);
	struct runqlat_latency_key key = {};
	struct runqlat_latency *sum;
	struct wait wait;

	/* It has waited since before the probe was there, or was missed. */
	if (!found)
		return;
	wait = *found;
	bpf_map_delete_elem(&waiting, &tid);
	/* The clocks of two CPUs may differ by some ns. */
	if (wait.since > now)
		wait.since = now;
	fill_key(&key, task);
	sum = latency_of(&key);
	if (sum) {
		sum->count++;
		sum->total_ns += now - wait.since;
		histogram_add(sum->latency_ns, now - wait.since);
	}
	if (threshold_ns && now - wait.since >= threshold_ns)
		report(ctx, prev, task, &key, &wait, now);
}

/* Thread 0 is the idle one of each CPU. Interrupts are off. */
static __always_inline int switch_tasks(void *ctx, bool preempted, struct task_struct *prev, struct task_struct *next)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 prev_tid = BPF_CORE_READ(prev, pid);
	__u32 next_tid = BPF_CORE_READ(next, pid);

	if (prev_tid)
		leave(prev, prev_tid, preempted, now);
	if (next_tid)
		enter(ctx, prev, next, next_tid, now);
	return 0;
}

/*
 * Attached first: so no wait begins whose end goes unseen. Arguments: preempt, prev, next; since 5.18 prev's state
 * comes last.
 */
SEC("tp_btf/sched_switch")
int switch__tp_btf(__u64 *ctx)
{
	return switch_tasks(ctx, ctx[0], (struct task_struct *)ctx[1], (struct task_struct *)ctx[2]);
}

SEC("raw_tp/sched_switch")
int switch__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return switch_tasks(ctx, ctx->args[0], (struct task_struct *)ctx->args[1], (struct task_struct *)ctx->args[2]);
}

SEC("tp_btf/sched_wakeup")
int wakeup__tp_btf(__u64 *ctx)
{
	return wake((struct task_struct *)ctx[0], WAIT_CAUSE_WOKEN);
}

SEC("raw_tp/sched_wakeup")
int wakeup__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return wake((struct task_struct *)ctx->args[0], WAIT_CAUSE_WOKEN);
}

SEC("tp_btf/sched_wakeup_new")
int wakeup_new__tp_btf(__u64 *ctx)
{
	return wake((struct task_struct *)ctx[0], WAIT_CAUSE_STARTED);
}

SEC("raw_tp/sched_wakeup_new")
int wakeup_new__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return wake((struct task_struct *)ctx->args[0], WAIT_CAUSE_STARTED);
}

char LICENSE[] SEC("license") = "GPL";
