// SPDX-License-Identifier: GPL-2.0
/*
 * Time that tasks spend in reclaiming memory before they get any: because the host has none left, or because their
 * cgroup is at its limit. Tracepoints vmscan:mm_vmscan_{direct,memcg}_reclaim_{begin,end}. Long ones are events, all
 * of them are counted by cgroup.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/cgroup.h"
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"
#include "include/histogram.h"
#include "include/stack.h"
#include "include/task.h"

/* A reclaim that took so long is an event. */
const volatile __u64 threshold_ns = 900000000;

/* Of a page, to give sizes in bytes. */
const volatile __u32 page_bytes = 4096;

enum reclaim_kind {
	RECLAIM_GLOBAL,
	RECLAIM_MEMCG,
};

struct memory_reclaim_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 memcg_id;
	__s64 duration_ns;
	__s64 reclaimed_pages;
	__s64 memcg_usage_bytes;
	__s64 memcg_limit_bytes;
	__s32 allocation_order;
	__u32 gfp_mask;
	__u8 kind;
	__u8 has_memcg;
	__u8 has_memcg_limit;
	__u8 kernel_stack_frames;
	__u8 pad[4];
	char memcg_path[CGROUP_PATH];
	__u64 kernel_stack[STACK_FRAMES];
};

struct memory_reclaim_scratch {
	struct memory_reclaim_event event;
	struct cgroup_scratch path;
	struct stack_scratch stack;
};

CHANNEL_SCRATCH(struct memory_reclaim_scratch);

struct memory_reclaim_time_key {
	__u64 memcg_id;
	__u32 kind;
	__u32 pad;
};

struct memory_reclaim_time {
	__u64 count;
	__u64 total_ns;
	__u64 reclaimed_pages;
	__u64 duration_ns[HISTOGRAM_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct memory_reclaim_time_key);
	__type(value, struct memory_reclaim_time);
} time SEC(".maps");

/* What a new entry is made of. */
static struct memory_reclaim_time zeros;

/*
 * One kind of reclaim can run inside the other, and neither inside itself: with the kind in the key, an inner one
 * does not take the outer one's beginning.
 */
struct reclaim_key {
	__u32 tid;
	__u32 kind;
};

struct reclaim_begin {
	__u64 ktime_ns;
	__s32 order;
	__u32 gfp_mask;
};

/* As many as tasks are in reclaim at once; one whose end was missed is pushed out. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct reclaim_key);
	__type(value, struct reclaim_begin);
} begun SEC(".maps");

extern const void try_to_free_pages __ksym __weak;
extern const void try_to_free_mem_cgroup_pages __ksym __weak;

static __always_inline void fill_memcg(struct memory_reclaim_scratch *slot, struct mem_cgroup *memcg)
{
	struct memory_reclaim_event *event = &slot->event;
	unsigned long limit;

	if (!memcg)
		return;
	limit = BPF_CORE_READ(memcg, memory.max);
	event->has_memcg = 1;
	event->memcg_id = memcg_id(memcg);
	event->memcg_usage_bytes = BPF_CORE_READ(memcg, memory.usage.counter) * page_bytes;
	event->has_memcg_limit = page_limit_is_set(limit);
	event->memcg_limit_bytes = limit * page_bytes;
	cgroup_path(BPF_CORE_READ(memcg, css.cgroup), &slot->path, event->memcg_path);
}

static __always_inline void report(void *ctx, const struct reclaim_begin *begin, struct mem_cgroup *memcg, __u32 kind,
				   __u64 now, __u64 reclaimed)
{
	__u64 function = kind == RECLAIM_MEMCG ? (__u64)&try_to_free_mem_cgroup_pages : (__u64)&try_to_free_pages;
	struct memory_reclaim_scratch *slot;
	struct memory_reclaim_event *event;
	int depth = channel_enter();
	__u32 frames;

	if (depth < 0)
		return;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (!slot)
		goto leave;
	event = &slot->event;
	__builtin_memset(event, 0, __builtin_offsetof(struct memory_reclaim_event, memcg_path));
	event->memcg_path[0] = 0;
	/* One cgroup that is always at its limit leaves room for the others. */
	if (!channel_admit(memcg_id(memcg) * 2 + kind, now, &event->sequence))
		goto leave;
	event->ktime_ns = now;
	event->cpu = bpf_get_smp_processor_id();
	task_fill_current(event);
	event->kind = kind;
	event->duration_ns = now - begin->ktime_ns;
	event->reclaimed_pages = reclaimed;
	event->allocation_order = begin->order;
	event->gfp_mask = begin->gfp_mask;
	fill_memcg(slot, memcg);
	frames = stack_capture_from(ctx, &slot->stack, event->kernel_stack, function);
	event->kernel_stack_frames = frames;
	channel_submit(ctx, event,
		       __builtin_offsetof(struct memory_reclaim_event, kernel_stack) + frames * sizeof(__u64));
leave:
	channel_leave();
}

static __always_inline int reclaim_begins(__u32 kind, __s32 order, __u32 gfp_mask)
{
	struct reclaim_key key = {.tid = (__u32)bpf_get_current_pid_tgid(), .kind = kind};
	struct reclaim_begin begin = {.ktime_ns = bpf_ktime_get_ns(), .order = order, .gfp_mask = gfp_mask};

	bpf_map_update_elem(&begun, &key, &begin, 0);
	return 0;
}

static __always_inline int reclaim_ends(void *ctx, __u32 kind, __u64 reclaimed)
{
	struct reclaim_key key = {.tid = (__u32)bpf_get_current_pid_tgid(), .kind = kind};
	struct mem_cgroup *memcg = task_memcg((void *)bpf_get_current_task());
	struct memory_reclaim_time_key time_key = {.memcg_id = memcg ? memcg_id(memcg) : 0, .kind = kind};
	struct memory_reclaim_time *sum;
	struct reclaim_begin *found = bpf_map_lookup_elem(&begun, &key);
	struct reclaim_begin begin;
	__u64 now = bpf_ktime_get_ns();

	/* It began before the probe did. */
	if (!found)
		return 0;
	begin = *found;
	bpf_map_delete_elem(&begun, &key);
	sum = polled_lookup(&time, &time_key, &zeros);
	if (sum) {
		__sync_fetch_and_add(&sum->count, 1);
		__sync_fetch_and_add(&sum->total_ns, now - begin.ktime_ns);
		__sync_fetch_and_add(&sum->reclaimed_pages, reclaimed);
		histogram_add(sum->duration_ns, now - begin.ktime_ns);
	}
	if (now - begin.ktime_ns >= threshold_ns)
		report(ctx, &begin, memcg, kind, now, reclaimed);
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int direct_begin__tp_btf(__u64 *ctx)
{
	return reclaim_begins(RECLAIM_GLOBAL, ctx[0], ctx[1]);
}

SEC("raw_tp/mm_vmscan_direct_reclaim_begin")
int direct_begin__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return reclaim_begins(RECLAIM_GLOBAL, ctx->args[0], ctx->args[1]);
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int direct_end__tp_btf(__u64 *ctx)
{
	return reclaim_ends(ctx, RECLAIM_GLOBAL, ctx[0]);
}

SEC("raw_tp/mm_vmscan_direct_reclaim_end")
int direct_end__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return reclaim_ends(ctx, RECLAIM_GLOBAL, ctx->args[0]);
}

/* These two are of kernels with memory cgroups only. */
SEC("?tp_btf/mm_vmscan_memcg_reclaim_begin")
int memcg_begin__tp_btf(__u64 *ctx)
{
	return reclaim_begins(RECLAIM_MEMCG, ctx[0], ctx[1]);
}

SEC("?raw_tp/mm_vmscan_memcg_reclaim_begin")
int memcg_begin__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return reclaim_begins(RECLAIM_MEMCG, ctx->args[0], ctx->args[1]);
}

SEC("?tp_btf/mm_vmscan_memcg_reclaim_end")
int memcg_end__tp_btf(__u64 *ctx)
{
	return reclaim_ends(ctx, RECLAIM_MEMCG, ctx[0]);
}

SEC("?raw_tp/mm_vmscan_memcg_reclaim_end")
int memcg_end__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return reclaim_ends(ctx, RECLAIM_MEMCG, ctx->args[0]);
}

/* bpf_get_stack() and bpf_probe_read_kernel() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
