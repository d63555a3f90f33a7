/* SPDX-License-Identifier: GPL-2.0 */
/* For programs that run in a hard interrupt: what it has interrupted. */
#ifndef __BIANQUE_INTERRUPTED_H__
#define __BIANQUE_INTERRUPTED_H__

#include "vmlinux.h"
#include "event.h"
#include "stack.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Frames of the interrupt itself that may lie before what it has interrupted: timers, the tick, printk. A power of 2.
 */
#define INTERRUPT_FRAMES 32

/* An entry is some instructions that save and restore registers, and one call. */
#define INTERRUPT_ENTRY_BYTES 128

/* Where a timer's interrupt enters the kernel: of x86, by the local timer or by another one, and of arm64. */
extern const void asm_sysvec_apic_timer_interrupt __ksym __weak;
extern const void asm_common_interrupt __ksym __weak;
extern const void el1h_64_irq __ksym __weak;

static __always_inline bool is_interrupt_entry(__u64 frame)
{
	return frame - (__u64)&asm_sysvec_apic_timer_interrupt < INTERRUPT_ENTRY_BYTES ||
	       frame - (__u64)&asm_common_interrupt < INTERRUPT_ENTRY_BYTES ||
	       frame - (__u64)&el1h_64_irq < INTERRUPT_ENTRY_BYTES;
}

/*
 * The kernel stack from the interrupted instruction on, into frames[STACK_FRAMES]; the number of frames. *cut: false
 * where the interrupt's entry is not in the stack (not known, by another way, or from user space) and the stack is
 * given whole.
 */
static __always_inline __u32 interrupted_stack(void *ctx, struct stack_scratch *scratch, __u64 *frames, bool *cut)
{
	long bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);
	__u32 first = 0, count;
	int i;

	*cut = false;
	if (bytes <= 0)
		return 0;
	count = (__u64)bytes / sizeof(__u64);
	for (i = 1; i < INTERRUPT_FRAMES; i++) {
		if (!first && i < count && is_interrupt_entry(scratch->frames[i - 1]))
			first = i;
	}
	*cut = first != 0;
	count -= first;
	/* Both are within bounds already; the verifier has lost sight of it. */
	barrier_var(count);
	count &= STACK_FRAMES;
	bpf_probe_read_kernel(frames, count * sizeof(__u64), &scratch->frames[first & (INTERRUPT_FRAMES - 1)]);
	return count;
}

#endif /* __BIANQUE_INTERRUPTED_H__ */
