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
	__u32 first;
};

/*
 * More than any traced function has. What lies above it in the stack is elsewhere: programs, kernel/trace, and at the
 * beginning of the function's own file.
 */
#define STACK_FUNCTION_BYTES 0x2000

/* The whole stack, into the scratch; the number of frames. */
static __always_inline __u32 stack_read(void *ctx, struct stack_scratch *scratch)
{
	long bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);

	return bytes > 0 ? (__u64)bytes / sizeof(__u64) : 0;
}

static __always_inline __u32 stack_copy(struct stack_scratch *scratch, __u64 *frames, __u32 first, __u32 count)
{
	/* Through memory, so that the verifier follows one number from here on, and not each of those it may be. */
	scratch->first = first;
	barrier();
	first = scratch->first;
	count -= first;
	/* Both are within bounds already; the verifier has lost sight of it. */
	barrier_var(count);
	count &= STACK_FRAMES;
	bpf_probe_read_kernel(frames, count * sizeof(__u64), &scratch->frames[first & (STACK_HOOK_FRAMES - 1)]);
	return count;
}

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
	__u32 first = 0, count = stack_read(ctx, scratch);
	int i;

#pragma unroll
	for (i = 1; i <= STACK_HOOK_FRAMES; i++) {
		if (!first && i < count && scratch->frames[i] == caller)
			first = i - 1;
	}
	return stack_copy(scratch, frames, first, count);
}

/*
 * The same where the return address is not known, but the traced function, by where it begins: the first frame that
 * lies in it is the first one given. 0: this kernel does not say where, and the machinery stays.
 */
static __always_inline __u32 stack_capture_from(void *ctx, struct stack_scratch *scratch, __u64 *frames, __u64 function)
{
	__u32 first = 0, count = stack_read(ctx, scratch);
	int i;

#pragma unroll
	for (i = STACK_HOOK_FRAMES - 1; i >= 0; i--) {
		if (i < count && function && scratch->frames[i] - function < STACK_FUNCTION_BYTES)
			first = i;
	}
	return stack_copy(scratch, frames, first, count);
}

#endif /* __BIANQUE_STACK_H__ */
