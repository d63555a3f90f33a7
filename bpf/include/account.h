/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the agent counts of this life of the probe by itself. No program looks at it: it is here to be pinned with the
 * other maps, so that an agent that adopts the probe goes on counting where the one before ended.
 */
#ifndef __BIANQUE_ACCOUNT_H__
#define __BIANQUE_ACCOUNT_H__

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} account SEC(".maps");

#endif /* __BIANQUE_ACCOUNT_H__ */
