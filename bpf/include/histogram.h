/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts that the agent reads every interval instead of events: a map M of probe P whose key is struct P_M_key and
 * whose value is struct P_M, both described by the schema P_M.avsc. A value holds nothing but __u64 and arrays of it,
 * all of them totals since the probe was loaded; what a per-CPU map has is summed by the agent.
 */
#ifndef __BIANQUE_HISTOGRAM_H__
#define __BIANQUE_HISTOGRAM_H__

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "account.h"

/* Slots of a histogram of ns: the last one is of 2^39 ns (9 minutes) and more. */
#define HISTOGRAM_SLOTS 40

/* What found no room in a polled map: it is missing in the counts, and said to be. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} polled_missed SEC(".maps");

/*
 * Verifiers before 6.8 tell which way a branch goes only where the second operand is a constant of the instruction.
 * Where clang puts it into a register they go on both ways, and refuse what is done with a number whose minimum has
 * then become larger than its maximum. So there may be no comparison here whose outcome is known.
 */

/* Position of the highest bit that is set; 0 for 0. */
static __always_inline __u64 log2_slot(__u64 value)
{
	__u64 slot = 0;
	int bits;

#pragma unroll
	for (bits = 32; bits > 1; bits /= 2) {
		if (value >> bits) {
			value >>= bits;
			slot += bits;
			/* Else clang compares twice, once for each of the two. */
			barrier_var(slot);
		}
	}
	return slot + (value >> 1);
}

/*
 * Adds to a value of which other CPUs, or an interrupt of this one, may hold a pointer too. Of a bound in C clang makes
 * a comparison of 39 in a register with the slot, which may be known to be 62.
 */
#define histogram_add(slots, value)                              \
	do {                                                     \
		__u64 __slot = log2_slot(value);                 \
		asm volatile("if %[slot] < %[last] goto +1\n\t"  \
			     "%[slot] = %[last]"                 \
			     : [slot] "+r"(__slot)               \
			     : [last] "i"(HISTOGRAM_SLOTS - 1)); \
		__sync_fetch_and_add(&(slots)[__slot], 1);       \
	} while (0)

static __always_inline void polled_count_missed(void)
{
	__u32 zero = 0;
	__u64 *missed = bpf_map_lookup_elem(&polled_missed, &zero);

	if (missed)
		__sync_fetch_and_add(missed, 1);
}

/* The entry of a key, which is made of zeros where there is none; NULL: no room, counted. */
static __always_inline void *polled_lookup(void *map, const void *key, const void *zeros)
{
	void *value = bpf_map_lookup_elem(map, key);

	if (value)
		return value;
	/* Another CPU may have been faster: then it is there all the same. */
	bpf_map_update_elem(map, key, zeros, BPF_NOEXIST);
	value = bpf_map_lookup_elem(map, key);
	if (!value)
		polled_count_missed();
	return value;
}

#endif /* __BIANQUE_HISTOGRAM_H__ */
