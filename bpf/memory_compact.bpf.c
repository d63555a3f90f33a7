// SPDX-License-Identifier: GPL-2.0
/*
 * Time that goes into moving pages together, so that large free blocks come out of it: by kcompactd in the background,
 * and by tasks that wait for such a block. Tracepoints compaction:mm_compaction_{begin,end} of each run over one zone,
 * compaction:mm_compaction_try_to_compact_pages of a task's attempt, and the function of that name for the whole of
 * it. Long ones are events, all of them are counted by cgroup.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/cgroup.h"
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"
#include "include/histogram.h"
#include "include/kprobe.h"
#include "include/stack.h"
#include "include/task.h"

/* What took so long is an event. */
const volatile __u64 threshold_ns = 100000000;

#define PF_KTHREAD 0x00200000

enum compact_kind {
	COMPACT_ZONE_DIRECT, /* one zone, while a task waits for a block */
	COMPACT_ZONE_BACKGROUND, /* one zone, by kcompactd */
	COMPACT_ZONE_REQUESTED, /* one zone, because somebody wrote to /proc/sys/vm/compact_memory or a node's compact
				 */
	COMPACT_STALL, /* a task's whole attempt, over all zones */
};

struct memory_compact_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 memcg_id;
	__s64 duration_ns;
	__s32 allocation_order;
	__u32 gfp_mask;
	__u32 compact_result;
	__u8 kind;
	__u8 has_memcg;
	__u8 has_allocation;
	__u8 kernel_stack_frames;
	char memcg_path[CGROUP_PATH];
	__u64 kernel_stack[STACK_FRAMES];
};

struct memory_compact_scratch {
	struct memory_compact_event event;
	struct cgroup_scratch path;
	struct stack_scratch stack;
};

CHANNEL_SCRATCH(struct memory_compact_scratch);

struct memory_compact_time_key {
	__u64 memcg_id;
	__u32 kind;
	__u32 pad;
};

struct memory_compact_time {
	__u64 count;
	__u64 total_ns;
	__u64 attempts;
	__u64 duration_ns[HISTOGRAM_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct memory_compact_time_key);
	__type(value, struct memory_compact_time);
} time SEC(".maps");

/* What a new entry is made of. */
static struct memory_compact_time zeros;

/* A task's attempt holds runs over zones, and both hold nothing of their own kind. */
struct compact_key {
	__u32 tid;
	bool is_stall;
	__u8 pad[3];
};

struct compact_begin {
	__u64 ktime_ns;
	__s32 order;
	__u32 gfp_mask;
	bool has_allocation;
	__u8 pad[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct compact_key);
	__type(value, struct compact_begin);
} begun SEC(".maps");

/* Which of the two there is depends on the kernel. */
extern const void compact_zone __ksym __weak;
extern const void __compact_zone __ksym __weak;
extern const void try_to_compact_pages __ksym __weak;
extern const void sysctl_compaction_handler __ksym __weak;

/* Its frames lie within a few of the top: the machinery, compact_zone, compact_zone_order. */
#define CALLER_FRAMES 16

/* No less than try_to_compact_pages has. */
#define CALLER_BYTES 0x400

static __always_inline bool runs_in_attempt(struct stack_scratch *stack, __u32 frames)
{
	__u64 function = (__u64)&try_to_compact_pages;
	/* What does the requested runs stands close behind it in 5.10 and 6.1. */
	__u64 bytes = (__u64)&sysctl_compaction_handler - function;
	bool holds = false;
	int i;

	if (bytes > CALLER_BYTES)
		bytes = CALLER_BYTES;
	NO_UNROLL
	for (i = 0; i < CALLER_FRAMES; i++)
		holds |= i < frames && stack->frames[i] - function < bytes;
	return function && holds;
}

static __always_inline struct memory_compact_time *time_of(struct mem_cgroup *memcg, __u32 kind)
{
	struct memory_compact_time_key key = {.memcg_id = memcg ? memcg_id(memcg) : 0, .kind = kind};

	return polled_lookup(&time, &key, &zeros);
}

static __always_inline __u32 zone_kind(void *ctx, struct stack_scratch *stack, struct task_struct *task)
{
	if (runs_in_attempt(stack, stack_read(ctx, stack)))
		return COMPACT_ZONE_DIRECT;
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return COMPACT_ZONE_BACKGROUND;
	return COMPACT_ZONE_REQUESTED;
}

static __always_inline void report(void *ctx, struct memory_compact_scratch *slot, struct mem_cgroup *memcg,
				   const struct compact_begin *begin, __u64 now, __u32 kind, __u32 result)
{
	__u64 function = &compact_zone ? (__u64)&compact_zone : (__u64)&__compact_zone;
	struct memory_compact_event *event = &slot->event;
	__u32 frames;

	if (kind == COMPACT_STALL)
		function = (__u64)&try_to_compact_pages;
	__builtin_memset(event, 0, __builtin_offsetof(struct memory_compact_event, memcg_path));
	event->memcg_path[0] = 0;
	if (!channel_admit(memcg_id(memcg) * 4 + kind, now, &event->sequence))
		return;
	event->ktime_ns = now;
	event->cpu = bpf_get_smp_processor_id();
	task_fill_current(event);
	event->kind = kind;
	event->duration_ns = now - begin->ktime_ns;
	event->has_allocation = begin->has_allocation;
	event->allocation_order = begin->order;
	event->gfp_mask = begin->gfp_mask;
	event->compact_result = result;
	if (memcg) {
		event->has_memcg = 1;
		event->memcg_id = memcg_id(memcg);
		cgroup_path(BPF_CORE_READ(memcg, css.cgroup), &slot->path, event->memcg_path);
	}
	frames = stack_capture_from(ctx, &slot->stack, event->kernel_stack, function);
	event->kernel_stack_frames = frames;
	channel_submit(ctx, event,
		       __builtin_offsetof(struct memory_compact_event, kernel_stack) + frames * sizeof(__u64));
}

static __always_inline int begins(bool is_stall, const struct compact_begin *begin)
{
	struct compact_key key = {.tid = (__u32)bpf_get_current_pid_tgid(), .is_stall = is_stall};

	bpf_map_update_elem(&begun, &key, begin, 0);
	return 0;
}

/* What a run over a zone is for, its task's attempt knows. */
static __always_inline void take_allocation(struct compact_begin *begin, __u32 tid)
{
	struct compact_key key = {.tid = tid, .is_stall = true};
	struct compact_begin *attempt = bpf_map_lookup_elem(&begun, &key);

	if (!attempt)
		return;
	begin->has_allocation = true;
	begin->order = attempt->order;
	begin->gfp_mask = attempt->gfp_mask;
}

static __noinline int ends(void *ctx, bool is_stall, __u32 result)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct compact_key key = {.tid = (__u32)bpf_get_current_pid_tgid(), .is_stall = is_stall};
	struct compact_begin *found = bpf_map_lookup_elem(&begun, &key);
	struct mem_cgroup *memcg = task_memcg(task);
	struct memory_compact_scratch *slot;
	struct memory_compact_time *sum;
	struct compact_begin begin;
	__u64 now = bpf_ktime_get_ns();
	__u32 kind = COMPACT_STALL;
	int depth;

	/* It began before the probe did. */
	if (!found)
		return 0;
	begin = *found;
	bpf_map_delete_elem(&begun, &key);
	depth = channel_enter();
	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (!slot)
		goto leave;
	if (!is_stall) {
		kind = zone_kind(ctx, &slot->stack, task);
		if (kind == COMPACT_ZONE_DIRECT)
			take_allocation(&begin, key.tid);
	}
	sum = time_of(memcg, kind);
	if (sum) {
		__sync_fetch_and_add(&sum->count, 1);
		__sync_fetch_and_add(&sum->total_ns, now - begin.ktime_ns);
		histogram_add(sum->duration_ns, now - begin.ktime_ns);
	}
	if (now - begin.ktime_ns >= threshold_ns)
		report(ctx, slot, memcg, &begin, now, kind, result);
leave:
	channel_leave();
	return 0;
}

static __always_inline int zone_begins(void)
{
	struct compact_begin begin = {.ktime_ns = bpf_ktime_get_ns()};

	return begins(false, &begin);
}

SEC("tp_btf/mm_compaction_begin")
int begin__tp_btf(void *ctx)
{
	return zone_begins();
}

SEC("raw_tp/mm_compaction_begin")
int begin__raw_tp(void *ctx)
{
	return zone_begins();
}

/*
 * The status is the last argument: the sixth before 6.0, the fifth since. A kernel that has only five refuses the
 * first of these.
 */
SEC("tp_btf/mm_compaction_end")
int end__tp_btf_six(__u64 *ctx)
{
	return ends(ctx, false, ctx[5]);
}

SEC("tp_btf/mm_compaction_end")
int end__tp_btf(__u64 *ctx)
{
	return ends(ctx, false, ctx[4]);
}

SEC("tp/compaction/mm_compaction_end")
int end__tp(struct trace_event_raw_mm_compaction_end *ctx)
{
	return ends(ctx, false, BPF_CORE_READ(ctx, status));
}

/* A task cannot have its block, and is about to make one: how often, even where the function cannot be traced. */
static __always_inline int attempt(__s32 order, __u32 gfp_mask)
{
	struct memory_compact_time *sum = time_of(task_memcg((void *)bpf_get_current_task()), COMPACT_STALL);
	struct compact_key key = {.tid = (__u32)bpf_get_current_pid_tgid(), .is_stall = true};
	struct compact_begin begin = {
		.ktime_ns = bpf_ktime_get_ns(),
		.order = order,
		.gfp_mask = gfp_mask,
		.has_allocation = true,
	};
	struct compact_begin *function = bpf_map_lookup_elem(&begun, &key);

	if (sum)
		__sync_fetch_and_add(&sum->attempts, 1);
	/* The function began a little earlier, if it is seen. Else what is there is an earlier attempt's. */
	if (!function || function->order != order || function->gfp_mask != gfp_mask)
		bpf_map_update_elem(&begun, &key, &begin, 0);
	return 0;
}

SEC("tp_btf/mm_compaction_try_to_compact_pages")
int attempt__tp_btf(__u64 *ctx)
{
	return attempt(ctx[0], ctx[1]);
}

SEC("raw_tp/mm_compaction_try_to_compact_pages")
int attempt__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return attempt(ctx->args[0], ctx->args[1]);
}

static __always_inline int stall_begins(__u32 gfp_mask, __u32 order)
{
	struct compact_begin begin = {
		.ktime_ns = bpf_ktime_get_ns(),
		.order = order,
		.gfp_mask = gfp_mask,
		.has_allocation = true,
	};

	return begins(true, &begin);
}

SEC("?fentry/try_to_compact_pages")
int stall_begin__fentry(__u64 *ctx)
{
	return stall_begins(ctx[0], ctx[1]);
}

SEC("?kprobe/try_to_compact_pages")
int stall_begin__kprobe(struct pt_regs *ctx)
{
	return stall_begins(kprobe_argument(ctx, 0), kprobe_argument(ctx, 1));
}

/* The result comes after six arguments. */
SEC("?fexit/try_to_compact_pages")
int stall_end__fexit(__u64 *ctx)
{
	return ends(ctx, true, ctx[6]);
}

SEC("?kretprobe/try_to_compact_pages")
int stall_end__kretprobe(struct pt_regs *ctx)
{
	return ends(ctx, true, kprobe_result(ctx));
}

/* bpf_get_stack() and bpf_probe_read_kernel() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
