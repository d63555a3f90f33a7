// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that the kernel kills because memory ran out: of the host, or of a cgroup. Tracepoint oom:mark_victim.
 *
 * The event holds all that is known: when somebody reads it, task and cgroup are gone.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/cgroup.h"
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"
#include "include/host_memory.h"
#include "include/kprobe.h"
#include "include/stack.h"
#include "include/task.h"

/* Of a page, to give sizes in bytes. */
const volatile __u32 page_bytes = 4096;

/* Pages that a CPU charges in advance (MEMCG_CHARGE_BATCH): so close to its limit, a cgroup has reached it. */
const volatile __u32 charge_batch = 64;

/* Without the function hook: victims of the same task and the same group within this time are one kill's. */
const volatile __u64 group_kill_ns = NSEC_PER_SEC;

enum oom_scope {
	SCOPE_UNKNOWN,
	SCOPE_GLOBAL,
	SCOPE_MEMCG,
};

/* include/linux/mm_types_task.h, the same since 4.5 */
#define MM_FILEPAGES 0
#define MM_ANONPAGES 1
#define MM_SWAPENTS 2
#define MM_SHMEMPAGES 3

#define SIGKILL 9
#define SEND_SIG_PRIV 1

struct oom_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 memcg_id;
	__u64 kill_ktime_ns;
	__s32 victim_pid;
	__s32 victim_tid;
	char victim_comm[16];
	__u64 victim_cgroup_id;
	__u64 victim_memcg_id;
	__s64 victim_memcg_usage_bytes;
	__s64 victim_memcg_limit_bytes;
	__s64 victim_total_vm_bytes;
	__s64 victim_anon_bytes;
	__s64 victim_file_bytes;
	__s64 victim_shmem_bytes;
	__s64 victim_swap_bytes;
	__s64 victim_pgtables_bytes;
	__u64 group_memcg_id;
	__u64 limit_memcg_id;
	__s64 limit_bytes;
	__s64 limit_usage_bytes;
	__s64 limit_peak_bytes;
	__s64 limit_swap_bytes;
	__s64 oom_points;
	__s64 oom_total_bytes;
	__s64 host_total_bytes;
	__s64 host_free_bytes;
	__s64 host_active_anon_bytes;
	__s64 host_inactive_anon_bytes;
	__s64 host_active_file_bytes;
	__s64 host_inactive_file_bytes;
	__s64 host_unevictable_bytes;
	__s64 host_slab_reclaimable_bytes;
	__s64 host_slab_unreclaimable_bytes;
	__s64 host_shmem_bytes;
	__s64 host_dirty_bytes;
	__s64 host_writeback_bytes;
	__s64 host_swap_total_bytes;
	__s64 host_swap_free_bytes;
	__u32 victim_uid;
	__s32 allocation_order;
	__u32 gfp_mask;
	__s16 victim_oom_score_adj;
	__u8 scope;
	__u8 oom_constraint;
	__u8 has_memcg;
	__u8 has_victim;
	__u8 has_victim_mm;
	__u8 has_victim_memcg;
	__u8 has_victim_memcg_limit;
	__u8 has_group;
	__u8 has_limit;
	__u8 has_control;
	__u8 has_points;
	__u8 has_host;
	__u8 has_host_swap;
	__u8 kernel_stack_frames;
	__u8 pad[4];
	char memcg_path[CGROUP_PATH];
	char victim_memcg_path[CGROUP_PATH];
	char limit_memcg_path[CGROUP_PATH];
	__u64 kernel_stack[STACK_FRAMES];
};

/* What a task that looks for a victim has decided. It marks the victims itself, one after the other. */
struct oom_decision {
	__u64 ktime_ns;
	__u64 last_ktime_ns;
	__u64 group_memcg_id;
	struct mem_cgroup *memcg;
	__u64 total_pages;
	__s64 points;
	__u32 gfp_mask;
	__s32 order;
	__u32 constraint;
	bool by_function;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct oom_decision);
} decisions SEC(".maps");

struct oom_scratch {
	struct oom_event event;
	struct oom_decision decision; /* of zeros, if there was none */
	struct cgroup_scratch path;
	struct host_memory host;
	struct stack_scratch stack;
};

CHANNEL_SCRATCH(struct oom_scratch);

/* The task that each task killed last: mark_victim before 6.9 gives a thread id alone. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct task_struct *);
} killed SEC(".maps");

/*
 * Functions, known by where they begin; 0: this kernel does not say. What calls out_of_memory() shows in the stack
 * only: a memory cgroup does, else it is the host.
 */
extern const void mark_oom_victim __ksym __weak;
extern const void mem_cgroup_out_of_memory __ksym __weak;
extern const void oom_kill_process __ksym __weak;
extern const void nr_swap_pages __ksym __weak;
extern const void total_swap_pages __ksym __weak;

/* No less than either function has, and less than would reach another on the way of a kill. */
#define FUNCTION_BYTES 0x280

/* mark_oom_victim, __oom_kill_process, for a group's members three more, oom_kill_process, out_of_memory, ... */
#define DECIDING_FRAMES 16

static __always_inline bool stack_holds(const struct oom_event *event, __u64 function)
{
	bool holds = false;
	int i;

	NO_UNROLL
	for (i = 0; i < DECIDING_FRAMES; i++)
		holds |= i < event->kernel_stack_frames && event->kernel_stack[i] - function < FUNCTION_BYTES;
	return function && holds;
}

static __always_inline __s64 bytes_of(__u64 pages)
{
	return pages * page_bytes;
}

/* A macro, since CO-RE finds an element by a constant only. A counter may be behind what it is subtracted from. */
#define rss_bytes(mm, kind)                                                           \
	({                                                                            \
		__s64 __pages;                                                        \
		if (bpf_core_type_exists(struct mm_rss_stat)) {                       \
			struct mm_struct___6_1 *__old = (void *)(mm);                 \
			__pages = BPF_CORE_READ(__old, rss_stat.count[kind].counter); \
		} else {                                                              \
			__pages = BPF_CORE_READ(mm, rss_stat[kind].count);            \
		}                                                                     \
		__pages > 0 ? bytes_of(__pages) : 0;                                  \
	})

static __always_inline void fill_mm(struct oom_event *event, struct task_struct *victim)
{
	struct mm_struct *mm = BPF_CORE_READ(victim, mm);

	if (!mm)
		return;
	event->has_victim_mm = 1;
	event->victim_total_vm_bytes = bytes_of(BPF_CORE_READ(mm, total_vm));
	event->victim_pgtables_bytes = BPF_CORE_READ(mm, pgtables_bytes.counter);
	event->victim_file_bytes = rss_bytes(mm, MM_FILEPAGES);
	event->victim_anon_bytes = rss_bytes(mm, MM_ANONPAGES);
	event->victim_swap_bytes = rss_bytes(mm, MM_SWAPENTS);
	event->victim_shmem_bytes = rss_bytes(mm, MM_SHMEMPAGES);
}

static __always_inline void fill_victim(struct oom_scratch *slot, struct task_struct *victim)
{
	struct oom_event *event = &slot->event;
	struct mem_cgroup *memcg = task_memcg(victim);
	unsigned long limit;

	event->has_victim = 1;
	event->victim_pid = BPF_CORE_READ(victim, tgid);
	event->victim_tid = BPF_CORE_READ(victim, pid);
	BPF_CORE_READ_STR_INTO(&event->victim_comm, victim, comm);
	event->victim_uid = BPF_CORE_READ(victim, real_cred, uid.val);
	event->victim_oom_score_adj = BPF_CORE_READ(victim, signal, oom_score_adj);
	event->victim_cgroup_id = task_cgroup_id(victim);
	fill_mm(event, victim);
	if (!memcg)
		return;
	event->has_victim_memcg = 1;
	event->victim_memcg_id = memcg_id(memcg);
	event->victim_memcg_usage_bytes = bytes_of(BPF_CORE_READ(memcg, memory.usage.counter));
	limit = BPF_CORE_READ(memcg, memory.max);
	event->has_victim_memcg_limit = page_limit_is_set(limit);
	event->victim_memcg_limit_bytes = bytes_of(limit);
	cgroup_path(BPF_CORE_READ(memcg, css.cgroup), &slot->path, event->victim_memcg_path);
}

static __always_inline void fill_limit(struct oom_scratch *slot, struct task_struct *victim, struct mem_cgroup *memcg)
{
	struct oom_event *event = &slot->event;
	unsigned long usage = BPF_CORE_READ(memcg, memory.usage.counter);
	unsigned long limit = BPF_CORE_READ(memcg, memory.max);
	unsigned long swap = BPF_CORE_READ(memcg, swap.usage.counter);

	/* v1 counts memory and swap together. */
	if (!memcg_is_v2(memcg, victim))
		swap = swap > usage ? swap - usage : 0;
	event->has_limit = 1;
	event->limit_memcg_id = memcg_id(memcg);
	event->limit_bytes = bytes_of(limit);
	event->limit_usage_bytes = bytes_of(usage);
	event->limit_peak_bytes = bytes_of(BPF_CORE_READ(memcg, memory.watermark));
	event->limit_swap_bytes = bytes_of(swap);
	cgroup_path(BPF_CORE_READ(memcg, css.cgroup), &slot->path, event->limit_memcg_path);
}

static __always_inline bool is_full(struct page_counter *counter)
{
	unsigned long limit = BPF_CORE_READ(counter, max);

	return page_limit_is_set(limit) && BPF_CORE_READ(counter, usage.counter) + charge_batch >= limit;
}

/*
 * The cgroup whose limit was reached: the victim's or one above it. Only the function's argument names it; from the
 * counters it is the nearest that is full, and as v1 may limit memory and swap together, by that too.
 */
static __always_inline struct mem_cgroup *full_memcg(struct task_struct *victim)
{
	struct mem_cgroup *memcg = task_memcg(victim);
	int i;

	NO_UNROLL
	for (i = 0; i < CGROUP_LEVELS && memcg; i++) {
		if (is_full(&memcg->memory) || (!memcg_is_v2(memcg, victim) && is_full(&memcg->memsw)))
			return memcg;
		memcg = memcg_parent(memcg);
	}
	return NULL;
}

/* memory.oom.group: the topmost cgroup with it, up to the one whose limit was reached, dies as a whole. */
static __always_inline void fill_group(struct oom_event *event, struct task_struct *victim)
{
	struct mem_cgroup *memcg = task_memcg(victim);
	int i;

	NO_UNROLL
	for (i = 0; i < CGROUP_LEVELS && memcg; i++) {
		if (BPF_CORE_READ(memcg, oom_group)) {
			event->has_group = 1;
			event->group_memcg_id = memcg_id(memcg);
		}
		if (event->has_limit && memcg_id(memcg) == event->limit_memcg_id)
			break;
		memcg = memcg_parent(memcg);
	}
}

/* When this kill began, which is the same of all victims of a group. */
static __always_inline void fill_kill_time(struct oom_scratch *slot, __u32 tid)
{
	struct oom_event *event = &slot->event;
	struct oom_decision *decision = &slot->decision;
	bool same_group = event->has_group && decision->group_memcg_id == event->group_memcg_id &&
			  event->ktime_ns - decision->last_ktime_ns < group_kill_ns;

	if (!event->has_control && !same_group) {
		__builtin_memset(decision, 0, sizeof(*decision));
		decision->ktime_ns = event->ktime_ns;
	}
	event->kill_ktime_ns = decision->ktime_ns;
	decision->last_ktime_ns = event->ktime_ns;
	decision->group_memcg_id = event->group_memcg_id;
	bpf_map_update_elem(&decisions, &tid, decision, 0);
}

static __always_inline void fill_decision(struct oom_scratch *slot)
{
	struct oom_event *event = &slot->event;
	struct oom_decision *decision = &slot->decision;

	/* Of an earlier kill by the same task, if the function is not being run. */
	if (!decision->by_function || !stack_holds(event, (__u64)&oom_kill_process))
		return;
	event->has_control = 1;
	event->allocation_order = decision->order;
	event->gfp_mask = decision->gfp_mask;
	event->oom_constraint = decision->constraint;
	event->oom_total_bytes = bytes_of(decision->total_pages);
	/* They are the first victim's: a group's others were not chosen. */
	event->has_points = decision->last_ktime_ns == 0;
	event->oom_points = decision->points;
	event->scope = decision->memcg ? SCOPE_MEMCG : SCOPE_GLOBAL;
}

static __always_inline void fill_scope(struct oom_scratch *slot, struct task_struct *victim)
{
	struct oom_event *event = &slot->event;
	struct mem_cgroup *memcg = NULL;

	if (event->scope == SCOPE_UNKNOWN && event->kernel_stack_frames && &mem_cgroup_out_of_memory)
		event->scope = stack_holds(event, (__u64)&mem_cgroup_out_of_memory) ? SCOPE_MEMCG : SCOPE_GLOBAL;
	if (event->scope == SCOPE_GLOBAL)
		return;
	if (event->has_control)
		memcg = slot->decision.memcg;
	else if (victim)
		memcg = full_memcg(victim);
	if (memcg)
		fill_limit(slot, victim ? victim : (void *)bpf_get_current_task(), memcg);
}

static __always_inline void fill_host(struct oom_scratch *slot, struct mem_cgroup *memcg)
{
	struct oom_event *event = &slot->event;
	struct host_memory *host = &slot->host;
	long total = 0, free = 0;

	host_memory_read(memcg, host);
	event->has_host = host->complete;
	event->host_total_bytes = bytes_of(host->total);
	event->host_free_bytes = bytes_of(host->free);
	event->host_active_anon_bytes = bytes_of(host->active_anon);
	event->host_inactive_anon_bytes = bytes_of(host->inactive_anon);
	event->host_active_file_bytes = bytes_of(host->active_file);
	event->host_inactive_file_bytes = bytes_of(host->inactive_file);
	event->host_unevictable_bytes = bytes_of(host->unevictable);
	event->host_slab_reclaimable_bytes = bytes_of(host->slab_reclaimable);
	event->host_slab_unreclaimable_bytes = bytes_of(host->slab_unreclaimable);
	event->host_shmem_bytes = bytes_of(host->shmem);
	event->host_dirty_bytes = bytes_of(host->dirty);
	event->host_writeback_bytes = bytes_of(host->writeback);
	if (!&nr_swap_pages || !&total_swap_pages)
		return;
	bpf_probe_read_kernel(&total, sizeof(total), &total_swap_pages);
	bpf_probe_read_kernel(&free, sizeof(free), &nr_swap_pages);
	event->has_host_swap = 1;
	event->host_swap_total_bytes = bytes_of(total);
	event->host_swap_free_bytes = bytes_of(free);
}

static __always_inline void fill(void *ctx, struct oom_scratch *slot, struct task_struct *victim, __s32 victim_tid)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	struct mem_cgroup *memcg = task_memcg(current);
	struct oom_event *event = &slot->event;
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct oom_decision *decision = bpf_map_lookup_elem(&decisions, &tid);

	__builtin_memset(&slot->decision, 0, sizeof(slot->decision));
	if (decision)
		slot->decision = *decision;
	event->cpu = bpf_get_smp_processor_id();
	task_fill_current(event);
	event->victim_tid = victim_tid;
	if (memcg) {
		event->has_memcg = 1;
		event->memcg_id = memcg_id(memcg);
		cgroup_path(BPF_CORE_READ(memcg, css.cgroup), &slot->path, event->memcg_path);
		fill_host(slot, memcg);
	}
	if (victim)
		fill_victim(slot, victim);
	fill_decision(slot);
	fill_scope(slot, victim);
	if (victim)
		fill_group(event, victim);
	fill_kill_time(slot, tid);
}

static __noinline int report(void *ctx, struct task_struct *victim, __s32 victim_tid)
{
	struct oom_scratch *slot;
	struct oom_event *event;
	int depth = channel_enter();
	__u64 now = bpf_ktime_get_ns();
	__u32 frames;

	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (!slot)
		goto leave;
	event = &slot->event;
	__builtin_memset(event, 0, __builtin_offsetof(struct oom_event, memcg_path));
	event->memcg_path[0] = event->victim_memcg_path[0] = event->limit_memcg_path[0] = 0;
	/* One cgroup's kills in a loop leave room for another's. */
	if (!channel_admit(victim ? memcg_id(task_memcg(victim)) : 0, now, &event->sequence))
		goto leave;
	event->ktime_ns = now;
	frames = stack_capture_from(ctx, &slot->stack, event->kernel_stack, (__u64)&mark_oom_victim);
	event->kernel_stack_frames = frames;
	fill(ctx, slot, victim, victim_tid);
	channel_submit(ctx, event, __builtin_offsetof(struct oom_event, kernel_stack) + frames * sizeof(__u64));
leave:
	channel_leave();
	return 0;
}

/* The argument is the task since 6.9 and the stable kernels that took it over, else its thread id. */
static __always_inline int report_argument(void *ctx, __u64 victim)
{
	struct task_struct **last;
	struct task_struct *task;
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	if (bpf_core_field_exists(struct trace_event_raw_mark_victim, total_vm)) {
		task = (struct task_struct *)victim;
		return report(ctx, task, BPF_CORE_READ(task, pid));
	}
	task = (struct task_struct *)bpf_get_current_task();
	if (BPF_CORE_READ(task, pid) == (__s32)victim)
		return report(ctx, task, victim);
	last = bpf_map_lookup_elem(&killed, &tid);
	if (last && BPF_CORE_READ(*last, pid) == (__s32)victim)
		return report(ctx, *last, victim);
	return report(ctx, NULL, victim);
}

SEC("tp_btf/mark_victim")
int mark_victim__tp_btf(__u64 *ctx)
{
	return report_argument(ctx, ctx[0]);
}

SEC("raw_tp/mark_victim")
int mark_victim__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report_argument(ctx, ctx->args[0]);
}

/* Who decides, why, and over which memory: what the tracepoint leaves out. */
static __always_inline int remember_decision(struct oom_control *control)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct oom_decision decision = {
		.ktime_ns = bpf_ktime_get_ns(),
		.memcg = BPF_CORE_READ(control, memcg),
		.total_pages = BPF_CORE_READ(control, totalpages),
		.points = BPF_CORE_READ(control, chosen_points),
		.gfp_mask = BPF_CORE_READ(control, gfp_mask),
		.order = BPF_CORE_READ(control, order),
		.constraint = BPF_CORE_READ(control, constraint),
		.by_function = true,
	};

	bpf_map_update_elem(&decisions, &tid, &decision, 0);
	return 0;
}

SEC("?fentry/oom_kill_process")
int kill__fentry(__u64 *ctx)
{
	return remember_decision((struct oom_control *)ctx[0]);
}

SEC("?kprobe/oom_kill_process")
int kill__kprobe(struct pt_regs *ctx)
{
	return remember_decision((struct oom_control *)kprobe_argument(ctx, 0));
}

/* The signal goes out just before the victim is marked, to the same thread. */
static __always_inline int remember_killed(__u64 signal, __u64 info, struct task_struct *task)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	if (bpf_core_field_exists(struct trace_event_raw_mark_victim, total_vm))
		return 0;
	if (signal == SIGKILL && info == SEND_SIG_PRIV)
		bpf_map_update_elem(&killed, &tid, &task, 0);
	return 0;
}

SEC("?tp_btf/signal_generate")
int signal__tp_btf(__u64 *ctx)
{
	return remember_killed((__u32)ctx[0], ctx[1], (struct task_struct *)ctx[2]);
}

SEC("?raw_tp/signal_generate")
int signal__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return remember_killed((__u32)ctx->args[0], ctx->args[1], (struct task_struct *)ctx->args[2]);
}

/* bpf_get_stack() and bpf_probe_read_kernel() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
