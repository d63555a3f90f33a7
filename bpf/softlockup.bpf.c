// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs that run kernel code for so long that the kernel's watchdog thread gets no turn (kernel.watchdog_thresh, twice):
 * which, for how long, and where. The watchdog's timer finds it in an interrupt of that very CPU, so the stack is that
 * of what is stuck; nobody has to ask the other CPUs for theirs.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"
#include "include/interrupted.h"
#include "include/kprobe.h"
#include "include/stack.h"
#include "include/task.h"

/* From include/linux/panic.h */
#define TAINT_SOFTLOCKUP 14

/* How far the watchdog's words may stand from the begin of a line: behind a time and "watchdog: BUG: ". A power of 2.
 */
#define TEXT_BEFORE 64
#define TEXT_SIZE 128

struct softlockup_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 memory_cgroup_id;
	__u64 location;
	__s64 stuck_s;
	__s32 stuck_cpu;
	__u8 has_task;
	__u8 has_memory_cgroup;
	__u8 has_location;
	__u8 has_stuck;
	__u8 kernel_stack_frames;
	__u8 pad[7];
	__u64 kernel_stack[STACK_FRAMES];
};

struct softlockup_scratch {
	struct softlockup_event event;
	struct stack_scratch stack;
	char text[TEXT_SIZE];
};

CHANNEL_SCRATCH(struct softlockup_scratch);

/* What is known before the event is filled. */
struct lockup {
	__u32 cpu;
	__u32 seconds;
	bool has_seconds;
};

/*
 * Of each CPU: when its watchdog thread had its last turn, in units of 2^30 ns of the scheduler's clock, and that
 * clock. By kallsyms and not by BTF: where kallsyms has no variables (CONFIG_KALLSYMS_ALL) they are none here, while
 * the kernel would refuse the whole program over a variable of its BTF that kallsyms lacks.
 */
extern const void watchdog_touch_ts __ksym __weak;
extern const void watchdog_report_ts __ksym __weak;
extern const void runqueues __ksym __weak;
extern const void __per_cpu_offset __ksym __weak;

/* As the kernel itself counts them: seconds of 2^30 ns. */
static __always_inline void read_seconds(struct lockup *lockup)
{
	__u64 offset = 0, touched = 0, now;

	/* Before 5.13 there was one time stamp for both, and a report has set it anew before the kernel is tainted. */
	if (!&watchdog_report_ts || !&watchdog_touch_ts || !&runqueues || !&__per_cpu_offset)
		return;
	bpf_probe_read_kernel(&offset, sizeof(offset), (const __u64 *)&__per_cpu_offset + lockup->cpu);
	bpf_probe_read_kernel(&touched, sizeof(touched), (const void *)((__u64)&watchdog_touch_ts + offset));
	now = BPF_CORE_READ((struct rq *)((__u64)&runqueues + offset), clock) >> 30;
	if (!offset || !touched || touched > now)
		return;
	lockup->seconds = now - touched;
	lockup->has_seconds = true;
}

static __always_inline void fill_stuck(void *ctx, struct softlockup_scratch *slot)
{
	struct softlockup_event *event = &slot->event;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	bool cut;

	event->has_task = 1;
	task_fill_current(event);
	event->memory_cgroup_id = task_memcg_id(task);
	event->has_memory_cgroup = event->memory_cgroup_id != 0;
	event->kernel_stack_frames = interrupted_stack(ctx, &slot->stack, event->kernel_stack, &cut);
	event->has_location = cut;
	event->location = event->kernel_stack[0];
}

static __always_inline void look(void *ctx, struct softlockup_scratch *slot, const struct lockup *lockup)
{
	struct softlockup_event *event = &slot->event;
	__u64 now = bpf_ktime_get_ns();
	__u32 frames;

	__builtin_memset(event, 0, __builtin_offsetof(struct softlockup_event, kernel_stack));
	if (!channel_admit(lockup->cpu, now, &event->sequence))
		return;
	event->ktime_ns = now;
	event->cpu = bpf_get_smp_processor_id();
	event->stuck_cpu = lockup->cpu;
	event->stuck_s = lockup->seconds;
	event->has_stuck = lockup->has_seconds;
	/* Another CPU may write a line to the console that this one has left for it. */
	if (event->cpu == event->stuck_cpu)
		fill_stuck(ctx, slot);
	frames = event->kernel_stack_frames & STACK_FRAMES;
	channel_submit(ctx, event, __builtin_offsetof(struct softlockup_event, kernel_stack) + frames * sizeof(__u64));
}

static __always_inline int tainted(void *ctx, __u32 flag)
{
	struct lockup lockup = {};
	struct softlockup_scratch *slot;
	int depth;

	if (flag != TAINT_SOFTLOCKUP)
		return 0;
	depth = channel_enter();
	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	lockup.cpu = bpf_get_smp_processor_id();
	read_seconds(&lockup);
	if (slot)
		look(ctx, slot, &lockup);
	channel_leave();
	return 0;
}

static __always_inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number of at most five digits; *at goes to what follows it. */
static __always_inline __u32 parse_number(const char *text, __u32 *at)
{
	__u32 number = 0;
	int i;

	for (i = 0; i < 5; i++) {
		char c = text[*at & (TEXT_SIZE - 1)];

		if (!is_digit(c))
			break;
		number = number * 10 + (c - '0');
		*at += 1;
	}
	return number;
}

/*
 * The watchdog's line, "soft lockup - CPU#1 stuck for 22s! [comm:pid]", behind whatever the console puts before it.
 * Where it begins; negative: it is another line.
 */
static __always_inline int find_words(const char *text)
{
	const char words[] = "soft lockup - CPU#";
	int i, j;

	for (i = 0; i < TEXT_BEFORE; i++) {
		if (text[i] != 's' || text[i + 1] != 'o' || text[i + 2] != 'f')
			continue;
		for (j = 3; j < sizeof(words) - 1; j++) {
			if (text[i + j] != words[j])
				return -1;
		}
		return i + sizeof(words) - 1;
	}
	return -1;
}

static __always_inline bool parse(const char *text, struct lockup *lockup)
{
	const char middle[] = " stuck for ";
	int found = find_words(text);
	__u32 at = found;

	if (found < 0 || !is_digit(text[at & (TEXT_SIZE - 1)]))
		return false;
	lockup->cpu = parse_number(text, &at);
	at += sizeof(middle) - 1;
	lockup->has_seconds = is_digit(text[at & (TEXT_SIZE - 1)]);
	lockup->seconds = parse_number(text, &at);
	return true;
}

static __always_inline int printed(void *ctx, const char *text, __u64 length)
{
	struct softlockup_scratch *slot;
	struct lockup lockup = {};
	int depth = channel_enter();

	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot) {
		__builtin_memset(slot->text, 0, sizeof(slot->text));
		if (length > sizeof(slot->text) - 1)
			length = sizeof(slot->text) - 1;
		bpf_probe_read_kernel(slot->text, length, text);
		if (parse(slot->text, &lockup))
			look(ctx, slot, &lockup);
	}
	channel_leave();
	return 0;
}

/*
 * The variants, in the order in which they are tried. A taint is set once a lockup has been printed, by the CPU that is
 * stuck. Before 5.19 a line's tracepoint fires when it goes to a console, which may be never, and on another CPU.
 */
SEC("fentry/add_taint")
int lockup__fentry(__u64 *ctx)
{
	return tainted(ctx, ctx[0]);
}

SEC("kprobe/add_taint")
int lockup__kprobe(struct pt_regs *ctx)
{
	return tainted(ctx, kprobe_argument(ctx, 0));
}

SEC("tp_btf/console")
int lockup__tp_btf(__u64 *ctx)
{
	return printed(ctx, (const char *)ctx[0], ctx[1]);
}

SEC("raw_tp/console")
int lockup__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return printed(ctx, (const char *)ctx->args[0], ctx->args[1]);
}

/* bpf_get_stack() and bpf_probe_read_kernel() are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
