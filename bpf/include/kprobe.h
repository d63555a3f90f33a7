/* SPDX-License-Identifier: GPL-2.0 */
#ifndef __BIANQUE_KPROBE_H__
#define __BIANQUE_KPROBE_H__

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/*
 * Argument 0 to 3 of the function that a kprobe is at. <bpf/bpf_tracing.h> decides by the architecture the object is
 * compiled for; this asks the kernel's own types, so that one object is for all.
 */
static __always_inline __u64 kprobe_argument(const struct pt_regs *regs, int number)
{
	const struct user_pt_regs *arm64 = (const void *)regs;

	if (!bpf_core_field_exists(regs->di))
		return BPF_CORE_READ(arm64, regs[number]);
	switch (number) {
	case 0:
		return BPF_CORE_READ(regs, di);
	case 1:
		return BPF_CORE_READ(regs, si);
	case 2:
		return BPF_CORE_READ(regs, dx);
	default:
		return BPF_CORE_READ(regs, cx);
	}
}

/* What the function returns that a kretprobe is at. */
static __always_inline __u64 kprobe_result(const struct pt_regs *regs)
{
	const struct user_pt_regs *arm64 = (const void *)regs;

	if (!bpf_core_field_exists(regs->di))
		return BPF_CORE_READ(arm64, regs[0]);
	return BPF_CORE_READ(regs, ax);
}

#endif /* __BIANQUE_KPROBE_H__ */
