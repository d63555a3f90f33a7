// SPDX-License-Identifier: GPL-2.0
/*
 * An example of a probe outside of the project (docs/own-probes.md): programs that are executed, by whom, and the way
 * through the kernel to it. Tracepoint sched:sched_process_exec.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/channel.h"
#include "include/event.h"
#include "include/stack.h"
#include "include/task.h"

/* What include/vmlinux.h lacks, a probe says itself: libbpf finds the field in the kernel's own struct task_struct. */
struct task_struct___parent {
	struct task_struct *real_parent;
} __attribute__((preserve_access_index));

struct execs_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__s32 parent_pid;
	char parent_comm[16];
	__u8 kernel_stack_frames;
	__u8 pad[7];
	__u64 kernel_stack[STACK_FRAMES];
};

struct execs_scratch {
	struct execs_event event;
	struct stack_scratch stack;
};

CHANNEL_SCRATCH(struct execs_scratch);

static __always_inline int report(void *ctx)
{
	int depth = channel_enter();
	struct execs_scratch *slot;
	__u64 now = bpf_ktime_get_ns();

	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot && channel_admit(0, now, &slot->event.sequence)) {
		struct task_struct___parent *task = (void *)bpf_get_current_task();
		struct task_struct *parent = BPF_CORE_READ(task, real_parent);
		struct execs_event *event = &slot->event;

		event->ktime_ns = now;
		event->cpu = bpf_get_smp_processor_id();
		task_fill_current(event);
		event->parent_pid = BPF_CORE_READ(parent, tgid);
		BPF_CORE_READ_STR_INTO(&event->parent_comm, parent, comm);
		event->kernel_stack_frames = stack_capture(ctx, &slot->stack, event->kernel_stack, 0);
		channel_submit(ctx, event,
			       offsetof(struct execs_event, kernel_stack) +
				       event->kernel_stack_frames * sizeof(__u64));
	}
	channel_leave();
	return 0;
}

SEC("tp_btf/sched_process_exec")
int exec__tp_btf(void *ctx)
{
	return report(ctx);
}

SEC("raw_tp/sched_process_exec")
int exec__raw_tp(void *ctx)
{
	return report(ctx);
}

char LICENSE[] SEC("license") = "GPL";
