// SPDX-License-Identifier: GPL-2.0
/* Fills a ring buffer with records of an event's usual size, as fast as it goes. Kernels since 5.17 (bpf_loop). */
#include "include/vmlinux.h"
#include <bpf/bpf_helpers.h>

#define NULL ((void *)0)

/* A drop with some ten frames of stack. */
#define RECORD_BYTES 304

struct record {
	__u64 number;
	char rest[RECORD_BYTES - sizeof(__u64)];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024 * 1024);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct record);
} template SEC(".maps");

/* How many to put in at one call; set before loading. */
const volatile __u32 records = 100000;

static long put(__u32 index, void *unused)
{
	__u32 zero = 0;
	struct record *record = bpf_map_lookup_elem(&template, &zero);

	if (!record)
		return 1;
	record->number = index;
	bpf_ringbuf_output(&ring, record, sizeof(*record), BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("syscall")
int fill(void *ctx)
{
	bpf_loop(records, put, NULL, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
