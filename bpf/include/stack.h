/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __BIANQUE_STACK_H__
#define __BIANQUE_STACK_H__

#include "vmlinux.h"
#include "event.h"
#include <bpf/bpf_helpers.h>

/* Frames that a hook may put before the traced function: the program, bpf_trace_run*, __bpf_trace_*, __traceiter_*. */
#define STACK_HOOK_FRAMES 8

struct stack_scratch {
	__u64 frames[STACK_FRAMES];
};

/*
 * The kernel stack from the traced function on, into frames[STACK_FRAMES]; the number of frames.
 *
 * How many frames of the tracing machinery lie on top differs by program type, kernel version, and by how many
 * programs share the tracepoint (with more than one, __traceiter_* stands between). But the traced function's return
 * address is known: the frame before the one that holds it is the traced function. Without it (caller not found)
 * the stack is given whole, the machinery included, rather than cut at a guess.
 */
static __always_inline __u32 stack_capture(void *ctx, struct stack_scratch *scratch, __u64 *frames, __u64 caller)
{
	long bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);
	__u32 first = 0, count;
	int i;

	if (bytes <= 0)
		return 0;
	count = (__u64)bytes / sizeof(__u64);
#pragma unroll
	for (i = 1; i <= STACK_HOOK_FRAMES; i++) {
		if (!first && i < count && scratch->frames[i] == caller)
			first = i - 1;
	}
	count -= first;
	/* Both are within bounds already; the verifier has lost sight of it. */
	barrier_var(count);
	count &= STACK_FRAMES;
	bpf_probe_read_kernel(frames, count * sizeof(__u64), &scratch->frames[first & (STACK_HOOK_FRAMES - 1)]);
	return count;
}

#endif /* __BIANQUE_STACK_H__ */
