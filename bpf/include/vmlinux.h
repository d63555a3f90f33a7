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
typedef __s64 ktime_t;

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
#define BPF_F_USER_STACK (1ULL << 8)
#define BPF_F_USER_BUILD_ID (1ULL << 11)
#define BPF_RB_NO_WAKEUP 1ULL
#define BPF_NOEXIST 1ULL

/* A frame in user space, as bpf_get_stack() writes it. */
struct bpf_stack_build_id {
	__s32 status; /* 1: build_id and offset are set, of the file; 2: only ip is */
	unsigned char build_id[20]; /* a shorter one is followed by zeros */
	union {
		__u64 offset;
		__u64 ip;
	};
};

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

/* What a kprobe is given: of x86-64, and of arm64, where struct pt_regs begins with the second. */
struct pt_regs {
	unsigned long di, si, dx, cx, ax;
};

struct user_pt_regs {
	__u64 regs[31];
};

struct list_head {
	struct list_head *next, *prev;
};

typedef struct {
	long counter;
} atomic_long_t;

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

struct device_driver {
	const char *name;
};

struct device {
	struct device *parent;
	struct device_driver *driver;
};

struct dql {
	unsigned int num_queued;
	unsigned int num_completed;
};

struct qdisc_skb_head {
	__u32 qlen;
};

struct Qdisc {
	struct qdisc_skb_head q;
};

struct netdev_queue {
	struct Qdisc *qdisc;
	unsigned long trans_timeout; /* until 5.16 */
	struct dql dql;
};

struct netdev_queue___atomic {
	struct {
		__s64 counter;
	} trans_timeout; /* since 5.17 */
};

struct net_device {
	char name[16];
	int ifindex;
	struct device dev;
	struct netdev_queue *_tx;
	unsigned int real_num_tx_queues;
	possible_net_t nd_net;
	struct list_head dev_list;
	struct hlist_node index_hlist;
};

struct dst_entry {
	struct net_device *dev;
};

struct cgroup;
struct mem_cgroup;

struct sock_cgroup_data {
	struct cgroup *cgroup; /* since 5.15 */
	__u64 val; /* before; the pointer, or with one of the two lowest bits set something else */
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sk_buff;

struct sk_buff_head {
	struct sk_buff *next;
	__u32 qlen;
};

struct sock {
	struct sock_common __sk_common;
	/* A bit-field of 8 bits before 5.6: read it as one, always. */
	__u16 sk_protocol;
	struct sk_buff_head sk_write_queue;
	struct dst_entry *sk_dst_cache;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	struct sock_cgroup_data sk_cgrp_data;
	struct mem_cgroup *sk_memcg;
};

struct inet_sock {
	__be16 inet_sport;
};

struct request_sock {
	__u8 num_retrans;
};

struct inet_request_sock {
	__u16 acked : 1;
};

struct tcp_request_sock {
	__u32 snt_isn;
};

struct request_sock_queue {
	struct {
		int counter;
	} qlen;
};

struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
	__u8 icsk_ca_state : 5;
	__u8 icsk_retransmits;
	__u8 icsk_pending;
	__u8 icsk_backoff;
};

struct tcp_sock {
	__u32 snd_una;
	__u32 snd_nxt;
	__u32 snd_wnd;
	__u32 snd_cwnd;
	__u32 srtt_us; /* eighths of a microsecond */
	__u32 mss_cache;
	__u32 packets_out;
	__u32 retrans_out;
	__u32 sacked_out;
	__u32 lost_out;
	__u32 reord_seen;
	__u32 dsack_dups;
	__u32 total_retrans;
	__u32 tlp_high_seq;
	__u32 undo_marker;
	__u32 prior_ssthresh;
};

/* In sk_buff.cb, while TCP has the packet. */
struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
	__u16 tcp_flags; /* 8 bits before 6.15: read it as a bit-field, always */
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
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

/* include/uapi/linux/devlink.h */
enum devlink_trap_type {
	DEVLINK_TRAP_TYPE_DROP,
};

/* Since 5.10. */
struct devlink_trap_metadata {
	const char *trap_name;
	const char *trap_group_name;
	struct net_device *input_dev;
	enum devlink_trap_type trap_type;
};

/* Since 6.10. Numbers differ by version; the agent publishes their names. */
enum sk_rst_reason {
	SK_RST_REASON_NOT_SPECIFIED,
};

/* Of tcp:tcp_send_reset, since 6.10; before it shares trace_event_raw_tcp_event_sk_skb. */
struct trace_event_raw_tcp_send_reset {
	const void *skbaddr;
	const void *skaddr;
	enum sk_rst_reason reason;
};

/* Of tcp:tcp_receive_reset. */
struct trace_event_raw_tcp_event_sk {
	const void *skaddr;
};

/* Of tcp:tcp_retransmit_skb, since 6.13; before it shares trace_event_raw_tcp_event_sk_skb. */
struct trace_event_raw_tcp_retransmit_skb {
	const void *skbaddr;
	const void *skaddr;
	int err; /* since 6.18 */
};

struct trace_event_raw_tcp_event_sk_skb {
	const void *skbaddr;
	const void *skaddr;
};

struct trace_event_raw_tcp_retransmit_synack {
	const void *skaddr;
	const void *req;
};

struct trace_event_raw_kfree_skb {
	void *skbaddr;
	void *location;
	void *rx_sk; /* since 6.11 */
	enum skb_drop_reason reason; /* since 5.17 */
};

/* A machine check. Only in kernels with CONFIG_X86_MCE. */
struct mce {
	__u64 status;
	__u64 misc;
	__u64 addr;
	__u64 mcgstatus;
	__u64 ip;
	__u64 time;
	__u8 cpuvendor;
	__u32 cpuid;
	__u8 bank;
	__u32 extcpu;
	__u32 socketid;
	__u32 apicid;
	__u64 mcgcap;
	__u64 synd;
	__u64 ipid;
	__u64 ppin; /* since 5.6 */
	__u32 microcode; /* since 5.6 */
};

struct trace_event_raw_arm_event {
	__u8 sev; /* since 6.13, and in the stable kernels before it */
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
	struct kernfs_node *parent; /* before 6.15 */
	struct kernfs_node *__parent; /* since 6.15 */
	__u64 id;
};

struct cgroup_root;

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
	int level;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct css_set {
	struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT];
	struct cgroup *dfl_cgrp;
};

/* In pages. */
struct page_counter {
	atomic_long_t usage;
	unsigned long max;
	unsigned long watermark;
};

/* Items are asked for by name: their numbers differ by version and by configuration. */
enum zone_stat_item {
	NR_FREE_PAGES,
	NR_ZONE_INACTIVE_ANON,
	NR_ZONE_ACTIVE_ANON,
	NR_ZONE_INACTIVE_FILE,
	NR_ZONE_ACTIVE_FILE,
	NR_ZONE_UNEVICTABLE,
};

enum node_stat_item {
	NR_SLAB_RECLAIMABLE_B,
	NR_SLAB_UNRECLAIMABLE_B,
	NR_FILE_DIRTY,
	NR_WRITEBACK,
	NR_SHMEM,
};

struct pglist_data;

struct zone {
	struct pglist_data *zone_pgdat;
	atomic_long_t managed_pages;
	atomic_long_t vm_stat[1];
};

struct zoneref {
	struct zone *zone;
};

struct zonelist {
	struct zoneref _zonerefs[5121];
};

struct pglist_data {
	struct zonelist node_zonelists[2];
	atomic_long_t vm_stat[1];
};

struct lruvec {
	struct pglist_data *pgdat;
};

struct mem_cgroup_per_node {
	struct lruvec lruvec;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	union {
		struct page_counter swap; /* v2: swap alone */
		struct page_counter memsw; /* v1: memory and swap */
	};
	bool oom_group;
	struct mem_cgroup_per_node *nodeinfo[0];
};

struct percpu_counter {
	__s64 count;
};

struct mm_struct {
	unsigned long total_vm;
	atomic_long_t pgtables_bytes;
	struct percpu_counter rss_stat[4]; /* since 6.2 */
};

struct mm_rss_stat {
	atomic_long_t count[4];
};

struct mm_struct___6_1 {
	struct mm_rss_stat rss_stat;
};

typedef struct {
	unsigned int val;
} kuid_t;

struct cred {
	kuid_t uid;
};

struct signal_struct {
	short oom_score_adj;
};

/* Times of the scheduler's own clock, which is none that a program can read. */
struct sched_info {
	unsigned long long last_arrival; /* when it last got a CPU */
};

struct mutex {
	atomic_long_t owner;
	void *magic; /* with CONFIG_DEBUG_MUTEXES only */
};

struct rw_semaphore {
	atomic_long_t owner;
};

/* A CPU's run queue. clock: the scheduler's own, brought up to date at each tick. */
struct rq {
	__u64 clock;
};

/* function: the tick's is tick_sched_timer(), since 6.8 tick_nohz_handler(). */
struct hrtimer {
	ktime_t _softexpires;
	void *function;
};

struct trace_event_raw_hrtimer_expire_entry {
	void *hrtimer;
};

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct css_set *cgroups;
	unsigned int flags;
	struct mm_struct *mm;
	struct signal_struct *signal;
	const struct cred *real_cred;
	struct sched_info sched_info; /* with CONFIG_SCHED_INFO */
	unsigned long blocker; /* since 6.16, with CONFIG_DETECT_HUNG_TASK_BLOCKER */
	struct mutex *blocked_on; /* before 6.17 a mutex_waiter, with CONFIG_DEBUG_MUTEXES only */
	int on_cpu;
	int prio;
	unsigned int __state; /* since 5.14 */
};

enum oom_constraint {
	CONSTRAINT_NONE,
};

struct oom_control {
	struct mem_cgroup *memcg;
	unsigned int gfp_mask;
	int order;
	unsigned long totalpages;
	struct task_struct *chosen;
	long chosen_points;
	enum oom_constraint constraint;
};

struct trace_event_raw_mm_compaction_end {
	int status;
};

struct trace_event_raw_mark_victim {
	unsigned long total_vm; /* since 6.9 and its stable kernels: the argument is the task, before its thread id */
};

struct task_struct___before_5_14 {
	volatile long state;
};

struct trace_event_raw_softirq {
	unsigned int vec;
};

struct gendisk {
	int major;
	int first_minor;
	char disk_name[32];
};

struct queue_limits {
	unsigned int features; /* since 6.11 */
};

struct request_queue {
	struct gendisk *disk; /* since 5.15 */
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio {
	struct blkcg_gq *bi_blkg; /* with CONFIG_BLK_CGROUP */
};

struct request {
	struct request_queue *q;
	struct gendisk *rq_disk; /* before 5.17 */
	unsigned int cmd_flags;
	unsigned int rq_flags;
	unsigned int __data_len;
	__u64 __sector;
	struct bio *bio;
	__u64 start_time_ns;
};

/* Before 5.11, and its stable releases, a request_queue stood before the request. */
typedef void (*btf_trace_block_rq_issue)(void *, struct request *);

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
