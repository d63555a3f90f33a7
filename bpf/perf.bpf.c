// SPDX-License-Identifier: GPL-2.0
/*
 * What runs on the CPUs: so many times a second, on each CPU, the task that runs there and both its stacks. Off until
 * somebody asks for it.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_helpers.h>
/* The rate of the samples is the limit: another would refuse some of a task that runs all the time. */
#define CHANNEL_EVENTS_PER_SECOND 0
#include "include/channel.h"
#include "include/event.h"
#include "include/task.h"
#include "include/user_stack.h"

/* A cgroup deeper than this is none of those that are looked for. */
#define CGROUP_DEPTH 16

/* Not started with the agent. */
const volatile bool enabled = false;

/* Samples a second and CPU. 99 and not 100: in step with no timer of the system. */
const volatile __u32 sample_hz = 99;

/* Only tasks in this cgroup of the unified hierarchy, or below it; 0: all. */
const volatile __u64 cgroup_id = 0;

/* Idle CPUs as well. */
const volatile bool watch_idle = false;

struct perf_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u8 kernel_stack_frames;
	__u8 user_frame_count;
	__u8 pad[6];
	__u64 kernel_stack[STACK_FRAMES];
	struct bpf_stack_build_id user_frames[STACK_FRAMES];
};

struct perf_scratch {
	struct perf_event event;
};

CHANNEL_SCRATCH(struct perf_scratch);

static __always_inline bool is_in_cgroup(void)
{
	int level;

	for (level = 0; level < CGROUP_DEPTH; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);

		if (!id || id == cgroup_id)
			return id == cgroup_id;
	}
	return false;
}

static __always_inline bool is_wanted(void)
{
	bool idle = !(__u32)bpf_get_current_pid_tgid();

	return (watch_idle || !idle) && (!cgroup_id || is_in_cgroup());
}

/* The kernel stack of the task that was interrupted, from the interrupted instruction on; the number of frames. */
static __always_inline __u32 sampled_kernel_stack(void *ctx, __u64 *frames)
{
	long bytes = bpf_get_stack(ctx, frames, STACK_FRAMES * sizeof(__u64), 0);

	return bytes > 0 ? (__u64)bytes / sizeof(__u64) : 0;
}

static __always_inline void look(void *ctx, struct perf_event *event)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 frames;

	if (!channel_admit(0, now, &event->sequence))
		return;
	event->ktime_ns = now;
	event->cpu = bpf_get_smp_processor_id();
	task_fill_current(event);
	event->kernel_stack_frames = sampled_kernel_stack(ctx, event->kernel_stack);
	event->user_frame_count = user_stack_read(ctx, event->user_frames);
	frames = event->user_frame_count & STACK_FRAMES;
	channel_submit(ctx, event,
		       __builtin_offsetof(struct perf_event, user_frames) + frames * sizeof(struct bpf_stack_build_id));
}

SEC("perf_event")
int sample(void *ctx)
{
	struct perf_scratch *slot;
	int depth;

	if (!is_wanted())
		return 0;
	depth = channel_enter();
	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot)
		look(ctx, &slot->event);
	channel_leave();
	return 0;
}

/* bpf_get_stack() and bpf_perf_event_output() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
