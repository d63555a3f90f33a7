/* SPDX-License-Identifier: GPL-2.0 */
/* Stacks in user space, by the files that the frames are in: addresses differ from process to process. */
#ifndef __BIANQUE_USER_STACK_H__
#define __BIANQUE_USER_STACK_H__

#include "vmlinux.h"
#include "event.h"
#include <bpf/bpf_helpers.h>

/*
 * The user stack of the task on the CPU, from the instruction on that runs or ran last, into frames[STACK_FRAMES]; the
 * number of frames. The kernel writes the build id and the offset of a frame, or its address where it lies in no file,
 * the file has no build id or its first page is not in memory, or where the process is just changing its mappings.
 */
static __always_inline __u32 user_stack_read(void *ctx, struct bpf_stack_build_id *frames)
{
	long bytes = bpf_get_stack(ctx, frames, STACK_FRAMES * sizeof(*frames), BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);

	return bytes > 0 ? (__u64)bytes / sizeof(*frames) : 0;
}

#endif /* __BIANQUE_USER_STACK_H__ */
