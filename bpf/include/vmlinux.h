/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel types that the probes touch, and of each only the fields they read. CO-RE looks every field up by name
 * in the running kernel's BTF when an object is loaded, so neither order nor offset nor size here matters; names do.
 * Extend it with vmlinux-type.sh; README.md says why this is not bpftool's whole dump.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)

/* From include/uapi/linux/bpf.h: ABI, the same on every kernel. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29, /* since 5.11 */
};

#define BPF_F_CURRENT_CPU 0xffffffffULL
#define BPF_RB_NO_WAKEUP 1ULL
#define BPF_NOEXIST 1ULL

/* What a helper returns, negated. */
#define E2BIG 7

/* What an interrupt's handler returns when the interrupt was not its device's; include/linux/irqreturn.h. */
#define IRQ_NONE 0

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
#endif

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
	struct hlist_head *dev_index_head;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	char name[16];
	int ifindex;
	possible_net_t nd_net;
	struct list_head dev_list;
	struct hlist_node index_hlist;
};

struct dst_entry {
	struct net_device *dev;
};

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
	/* A bit-field of 8 bits before 5.6: read it as one, always. */
	__u16 sk_protocol;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _skb_refdst;
	unsigned int len;
	int skb_iif;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	__u16 mac_header;
	unsigned int tail;
	unsigned char *head;
	unsigned char *data;
};

/* Since 5.17. Numbers differ by version: compare by bpf_core_enum_value() only. */
enum skb_drop_reason {
	SKB_NOT_DROPPED_YET, /* since 5.18 */
	SKB_CONSUMED, /* since 6.3 */
	SKB_DROP_REASON_NOT_SPECIFIED,
};

struct trace_event_raw_kfree_skb {
	void *skbaddr;
	void *location;
	void *rx_sk; /* since 6.11 */
	enum skb_drop_reason reason; /* since 5.17 */
};

/* Names only: the numbers depend on what the kernel was built with. */
enum cgroup_subsys_id {
	cpuset_cgrp_id,
	cpu_cgrp_id,
	cpuacct_cgrp_id,
	io_cgrp_id,
	memory_cgrp_id,
	CGROUP_SUBSYS_COUNT,
};

/* id: 64 bits since 5.5. */
struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
	int level;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT];
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct css_set *cgroups;
	int on_cpu;
	int prio;
	unsigned int __state; /* since 5.14 */
};

struct task_struct___before_5_14 {
	volatile long state;
};

struct trace_event_raw_softirq {
	unsigned int vec;
};

struct irqaction {
	const char *name;
};

struct trace_event_raw_irq_handler_entry {
	int irq;
	__u32 __data_loc_name;
};

struct trace_event_raw_irq_handler_exit {
	int irq;
	int ret;
};

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
