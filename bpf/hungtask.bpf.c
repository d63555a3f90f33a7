// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that the kernel finds asleep without a wake-up for longer than kernel.hung_task_timeout_secs: which, since
 * when, where, and which task holds the lock they want. Tracepoint sched:sched_process_hang, fired by khungtaskd each
 * time it looks and finds the task so.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"
#include "include/task.h"

/* What the low bits of task_struct.blocker say the rest points to: include/linux/hung_task.h. */
enum blocker_lock {
	BLOCKER_MUTEX,
	BLOCKER_SEMAPHORE,
	BLOCKER_RWSEM_READER,
	BLOCKER_RWSEM_WRITER,
};

#define BLOCKER_TYPE_MASK 3UL

/* Flags in the low bits of a lock's owner: kernel/locking/mutex.c and rwsem.c. */
#define MUTEX_FLAGS 7UL
#define RWSEM_FLAGS 3UL
#define RWSEM_READER_OWNED 1UL

struct hungtask_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 memory_cgroup_id;
	__s64 off_cpu_ns;
	__u64 blocker_cgroup_id;
	__s32 blocker_pid;
	__s32 blocker_tid;
	char blocker_comm[16];
	__u8 blocker_lock;
	__u8 has_memory_cgroup;
	__u8 has_off_cpu;
	__u8 has_blocker_lock;
	__u8 has_blocker;
	__u8 kernel_stack_frames;
	__u8 pad[2];
	__u64 kernel_stack[STACK_FRAMES];
};

struct hungtask_scratch {
	struct hungtask_event event;
};

CHANNEL_SCRATCH(struct hungtask_scratch);

/*
 * Both times are of the scheduler's clock, so their difference needs no other: khungtaskd got its CPU just now, the
 * task got its last one a moment before it went to sleep.
 */
static __always_inline void fill_off_cpu(struct hungtask_event *event, struct task_struct *task)
{
	struct task_struct *khungtaskd = (struct task_struct *)bpf_get_current_task();

	if (!bpf_core_field_exists(task->sched_info))
		return;
	event->off_cpu_ns =
		BPF_CORE_READ(khungtaskd, sched_info.last_arrival) - BPF_CORE_READ(task, sched_info.last_arrival);
	event->has_off_cpu = event->off_cpu_ns >= 0;
}

static __always_inline void fill_blocker(struct hungtask_event *event, struct task_struct *owner)
{
	event->has_blocker = 1;
	event->blocker_tid = BPF_CORE_READ(owner, pid);
	event->blocker_pid = BPF_CORE_READ(owner, tgid);
	event->blocker_cgroup_id = task_cgroup_id(owner);
	BPF_CORE_READ_STR_INTO(&event->blocker_comm, owner, comm);
}

/*
 * The task that holds the lock, where that is sure. Of a semaphore and of an rwsem held by readers the kernel knows
 * only who took it last, and that task may have given it back, and exited.
 */
static __always_inline unsigned long lock_owner(unsigned long lock, __u8 type)
{
	unsigned long owner;

	switch (type) {
	case BLOCKER_MUTEX:
		return BPF_CORE_READ((struct mutex *)lock, owner.counter) & ~MUTEX_FLAGS;
	case BLOCKER_SEMAPHORE:
		return 0;
	default:
		owner = BPF_CORE_READ((struct rw_semaphore *)lock, owner.counter);
		return owner & RWSEM_READER_OWNED ? 0 : owner & ~RWSEM_FLAGS;
	}
}

static __always_inline void fill_lock(struct hungtask_event *event, struct task_struct *task)
{
	unsigned long lock = 0;

	if (bpf_core_field_exists(task->blocker)) {
		lock = BPF_CORE_READ(task, blocker);
		event->blocker_lock = lock & BLOCKER_TYPE_MASK;
		lock &= ~BLOCKER_TYPE_MASK;
	} else if (bpf_core_field_exists(task->blocked_on) && !bpf_core_field_exists(struct mutex, magic)) {
		lock = (unsigned long)BPF_CORE_READ(task, blocked_on);
		event->blocker_lock = BLOCKER_MUTEX;
	}
	if (!lock)
		return;
	event->has_blocker_lock = 1;
	lock = lock_owner(lock, event->blocker_lock);
	if (lock)
		fill_blocker(event, (struct task_struct *)lock);
}

static __always_inline void fill(struct hungtask_event *event, struct task_struct *task, __u64 now)
{
	event->ktime_ns = now;
	event->cpu = bpf_get_smp_processor_id();
	task_fill(event, task);
	event->memory_cgroup_id = task_memcg_id(task);
	event->has_memory_cgroup = event->memory_cgroup_id != 0;
	fill_off_cpu(event, task);
	fill_lock(event, task);
}

/* btf_task: the same task, as the verifier wants it for the stack; NULL where it is only a number. */
static __always_inline int report(void *ctx, struct task_struct *task, struct task_struct *btf_task)
{
	int depth = channel_enter();
	struct hungtask_scratch *slot;
	struct hungtask_event *event;
	__u64 now = bpf_ktime_get_ns();
	long bytes = 0;

	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (!slot)
		goto out;
	event = &slot->event;
	__builtin_memset(event, 0, __builtin_offsetof(struct hungtask_event, kernel_stack));
	if (!channel_admit(BPF_CORE_READ(task, pid), now, &event->sequence))
		goto out;
	fill(event, task, now);
	if (btf_task)
		bytes = bpf_get_task_stack(btf_task, event->kernel_stack, sizeof(event->kernel_stack), 0);
	if (bytes < 0 || bytes > sizeof(event->kernel_stack))
		bytes = 0;
	event->kernel_stack_frames = (__u64)bytes / sizeof(__u64);
	channel_submit(ctx, event, __builtin_offsetof(struct hungtask_event, kernel_stack) + bytes);
out:
	channel_leave();
	return 0;
}

/*
 * The argument is the task that hangs. Its stack can be asked for only where the verifier knows that it is a task:
 * by tp_btf, on kernels that give bpf_get_task_stack() to such programs. The classic tracepoint has no pointer to it.
 */
SEC("tp_btf/sched_process_hang")
int sched_process_hang__tp_btf(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];

	return report(ctx, task, task);
}

SEC("raw_tp/sched_process_hang")
int sched_process_hang__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report(ctx, (struct task_struct *)ctx->args[0], NULL);
}

/* bpf_get_task_stack() and bpf_probe_read_kernel() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
