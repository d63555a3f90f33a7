// SPDX-License-Identifier: GPL-2.0
/*
 * How long block requests take, per disk, operation and cgroup: from when they were queued, and from when they were
 * dispatched to the device, until they are done. Those that took too long are events. Tracepoints block:block_rq_*.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "include/channel.h"
#include "include/event.h"
#include "include/histogram.h"
#include "include/task.h"

/* A request that takes as long as either of them is an event. */
const volatile __u64 queued_threshold_ns = 20000000;
const volatile __u64 dispatched_threshold_ns = 20000000;

/* Requests under way on the whole host of which queueing and dispatch are remembered. */
#define IN_FLIGHT 16384
/* Disks x operations x cgroups */
#define ENTRIES 4096

#define DISK_NAME_LEN 32

/* Of a flush, and of a command that is for no place */
#define NO_SECTOR (~0ULL)

/* include/linux/blk_types.h, the lower 8 bits of cmd_flags. These numbers have never changed; those of zones have. */
#define REQ_OP_MASK 0xff
#define REQ_OP_READ 0
#define REQ_OP_WRITE 1
#define REQ_OP_FLUSH 2
#define REQ_OP_DISCARD 3
#define REQ_OP_SECURE_ERASE 5
#define REQ_OP_WRITE_ZEROES 9
#define REQ_OP_PASSTHROUGH_FIRST 32 /* of SCSI and of drivers */

enum block_operation {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_DISCARD,
	BLOCK_FLUSH,
	BLOCK_WRITE_ZEROES,
	BLOCK_SECURE_ERASE,
	BLOCK_PASSTHROUGH,
	BLOCK_OTHER,
};

enum block_outcome {
	BLOCK_DONE,
	BLOCK_FAILED,
};

struct iolatency_event {
	EVENT_HEADER;
	TASK_FIELDS;
	__u64 io_cgroup_id;
	__u64 sector;
	__u64 queued_ns;
	__u64 dispatched_ns;
	__s32 major;
	__s32 minor;
	__u32 bytes;
	char disk[DISK_NAME_LEN];
	__u8 operation;
	__u8 outcome;
	__u8 has_queued;
	__u8 has_dispatched;
	__u8 has_issuer;
	__u8 has_sector;
	__u8 pad[6];
};

struct iolatency_scratch {
	struct iolatency_event event;
};

CHANNEL_SCRATCH(struct iolatency_scratch);

struct iolatency_time_key {
	__s32 major;
	__s32 minor;
	__u64 io_cgroup_id;
	char disk[DISK_NAME_LEN];
	__u8 operation;
	__u8 pad[7];
};

struct iolatency_time {
	__u64 count;
	__u64 failed_count;
	__u64 bytes;
	__u64 queued_count;
	__u64 queued_total_ns;
	__u64 queued_ns[HISTOGRAM_SLOTS];
	__u64 dispatched_count;
	__u64 dispatched_total_ns;
	__u64 dispatched_ns[HISTOGRAM_SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTRIES);
	__type(key, struct iolatency_time_key);
	__type(value, struct iolatency_time);
} time SEC(".maps");

/* What is known of a request until it is done. */
struct in_flight {
	TASK_FIELDS; /* who was on the CPU when it was first seen */
	__u64 io_cgroup_id;
	__u64 start_time_ns; /* which of the requests that live at this address, one after the other */
	__u64 queued; /* CLOCK_MONOTONIC in ns, 0: not yet */
	__u64 dispatched;
	__u64 device_ns; /* from dispatch until the device was done, while a flush has to follow */
	__u64 sector;
	__u32 bytes;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IN_FLIGHT);
	__type(key, __u64); /* struct request * */
	__type(value, struct in_flight);
} in_flight SEC(".maps");

/* What a new entry is made of. */
static struct iolatency_time zeros;

static __always_inline struct gendisk *disk_of(struct request *rq)
{
	if (bpf_core_field_exists(rq->rq_disk))
		return BPF_CORE_READ(rq, rq_disk);
	return BPF_CORE_READ(rq, q, disk);
}

static __always_inline enum block_operation operation_of(struct request *rq)
{
	__u32 op = BPF_CORE_READ(rq, cmd_flags) & REQ_OP_MASK;

	switch (op) {
	case REQ_OP_READ:
		return BLOCK_READ;
	case REQ_OP_WRITE:
		return BLOCK_WRITE;
	case REQ_OP_FLUSH:
		return BLOCK_FLUSH;
	case REQ_OP_DISCARD:
		return BLOCK_DISCARD;
	case REQ_OP_SECURE_ERASE:
		return BLOCK_SECURE_ERASE;
	case REQ_OP_WRITE_ZEROES:
		return BLOCK_WRITE_ZEROES;
	default:
		return op >= REQ_OP_PASSTHROUGH_FIRST ? BLOCK_PASSTHROUGH : BLOCK_OTHER;
	}
}

/*
 * Whether a write is between the flush before and the flush after it, so that it is not done when the device is done
 * with it. The flag is no macro since 6.11 but in an enum that has no name at first, by which CO-RE could find it; of
 * the same release are the features of queue_limits.
 */
static __always_inline bool in_flush_sequence(struct request *rq)
{
	__u32 flush_seq = bpf_core_field_exists(struct queue_limits, features) ? 1 << 1 : 1 << 4;

	return BPF_CORE_READ(rq, rq_flags) & flush_seq;
}

/* Of the blkio controller (v1) or io controller (v2), by which the request is accounted; 0: none. */
static __always_inline __u64 io_cgroup_of(struct request *rq)
{
	struct bio *bio = BPF_CORE_READ(rq, bio);

	if (!bio || !bpf_core_field_exists(bio->bi_blkg))
		return 0;
	return BPF_CORE_READ(bio, bi_blkg, blkcg, css.cgroup, kn, id);
}

/*
 * What was remembered of a request, unless it is of an earlier one at the same address: one that was merged away is
 * never done.
 */
static __always_inline struct in_flight *recall(struct request *rq)
{
	__u64 key = (__u64)rq;
	struct in_flight *known = bpf_map_lookup_elem(&in_flight, &key);

	if (!known || known->start_time_ns != BPF_CORE_READ(rq, start_time_ns))
		return NULL;
	return known;
}

static __always_inline struct in_flight *remember(struct request *rq)
{
	struct in_flight *known = recall(rq);
	struct in_flight fresh = {};
	__u64 key = (__u64)rq;

	if (known)
		return known;
	task_fill_current(&fresh);
	fresh.io_cgroup_id = io_cgroup_of(rq);
	/* As iostat has it. The kernel leaves it out when it counts no statistics and has no scheduler. */
	fresh.start_time_ns = BPF_CORE_READ(rq, start_time_ns);
	fresh.queued = fresh.start_time_ns;
	if (!fresh.queued)
		fresh.queued = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&in_flight, &key, &fresh, 0))
		polled_count_missed();
	return bpf_map_lookup_elem(&in_flight, &key);
}

static __always_inline int insert(struct request *rq)
{
	remember(rq);
	return 0;
}

/* A request that the device had no room for, or did a part of, is issued once more: what counts is the last time. */
static __always_inline int issue(struct request *rq)
{
	struct in_flight *known = remember(rq);

	if (!known)
		return 0;
	/* Of the whole request: after a part of it was done there is less. */
	if (!known->dispatched) {
		known->sector = BPF_CORE_READ(rq, __sector);
		known->bytes = BPF_CORE_READ(rq, __data_len);
	}
	known->dispatched = bpf_ktime_get_ns();
	return 0;
}

struct completion {
	struct request *rq;
	struct in_flight *known; /* NULL: it began before the probe, or found no room */
	__u64 now;
	__u64 queued_ns;
	__u64 dispatched_ns;
	bool has_queued;
	bool has_dispatched;
	bool failed;
};

static __always_inline void measure(struct completion *done)
{
	struct request *rq = done->rq;
	__u64 queued = done->known ? done->known->queued : BPF_CORE_READ(rq, start_time_ns);

	if (queued) {
		done->has_queued = true;
		done->queued_ns = done->now - queued;
	}
	if (!done->known)
		return;
	if (done->known->device_ns) {
		done->has_dispatched = true;
		done->dispatched_ns = done->known->device_ns;
	} else if (done->known->dispatched) {
		done->has_dispatched = true;
		done->dispatched_ns = done->now - done->known->dispatched;
	}
}

static __always_inline void count(const struct completion *done, struct iolatency_time *sum)
{
	__sync_fetch_and_add(&sum->count, 1);
	if (done->failed)
		__sync_fetch_and_add(&sum->failed_count, 1);
	if (done->has_queued) {
		__sync_fetch_and_add(&sum->queued_count, 1);
		__sync_fetch_and_add(&sum->queued_total_ns, done->queued_ns);
		histogram_add(sum->queued_ns, done->queued_ns);
	}
	if (done->has_dispatched) {
		__sync_fetch_and_add(&sum->dispatched_count, 1);
		__sync_fetch_and_add(&sum->dispatched_total_ns, done->dispatched_ns);
		histogram_add(sum->dispatched_ns, done->dispatched_ns);
	}
}

static __always_inline void fill(struct iolatency_event *event, const struct completion *done,
				 const struct iolatency_time_key *key)
{
	const struct in_flight *known = done->known;
	struct request *rq = done->rq;

	event->ktime_ns = done->now;
	event->cpu = bpf_get_smp_processor_id();
	event->io_cgroup_id = key->io_cgroup_id;
	event->major = key->major;
	event->minor = key->minor;
	__builtin_memcpy(event->disk, key->disk, sizeof(event->disk));
	event->operation = key->operation;
	event->outcome = done->failed ? BLOCK_FAILED : BLOCK_DONE;
	event->has_queued = done->has_queued;
	event->queued_ns = done->queued_ns;
	event->has_dispatched = done->has_dispatched;
	event->dispatched_ns = done->dispatched_ns;
	event->sector = BPF_CORE_READ(rq, __sector);
	event->bytes = BPF_CORE_READ(rq, __data_len);
	if (known && known->dispatched) {
		event->sector = known->sector;
		event->bytes = known->bytes;
	}
	event->has_sector = event->sector != NO_SECTOR;
	if (!known)
		return;
	event->has_issuer = 1;
	event->pid = known->pid;
	event->tid = known->tid;
	event->cgroup_id = known->cgroup_id;
	__builtin_memcpy(event->comm, known->comm, sizeof(event->comm));
}

static __always_inline void report(void *ctx, const struct completion *done, const struct iolatency_time_key *key)
{
	struct iolatency_scratch *slot;
	int depth = channel_enter();

	if (depth < 0)
		return;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot) {
		__builtin_memset(&slot->event, 0, sizeof(slot->event));
		/* A disk each: that of one which hangs does not silence the others. */
		if (channel_admit(key->major * 31 + key->minor, done->now, &slot->event.sequence)) {
			fill(&slot->event, done, key);
			channel_submit(ctx, &slot->event, sizeof(slot->event));
		}
	}
	channel_leave();
}

/* bytes: of the request that are done now. A request is done when they are all that was left of it. */
static __always_inline int complete(void *ctx, struct request *rq, bool failed, __u32 bytes)
{
	struct iolatency_time_key key = {};
	struct completion done = {
		.rq = rq,
		.now = bpf_ktime_get_ns(),
		.failed = failed,
	};
	struct gendisk *disk = disk_of(rq);
	struct iolatency_time *sum;
	__u64 address = (__u64)rq;

	/* A queue of commands, such as that of an NVMe controller, belongs to no disk. */
	if (!disk)
		return 0;
	done.known = recall(rq);
	key.major = BPF_CORE_READ(disk, major);
	key.minor = BPF_CORE_READ(disk, first_minor);
	BPF_CORE_READ_STR_INTO(&key.disk, disk, disk_name);
	key.operation = operation_of(rq);
	key.io_cgroup_id = done.known ? done.known->io_cgroup_id : io_cgroup_of(rq);
	sum = polled_lookup(&time, &key, &zeros);
	if (sum)
		__sync_fetch_and_add(&sum->bytes, bytes);
	if (bytes < BPF_CORE_READ(rq, __data_len))
		return 0;
	if (in_flush_sequence(rq) && key.operation != BLOCK_FLUSH) {
		if (done.known && done.known->dispatched)
			done.known->device_ns = done.now - done.known->dispatched;
		return 0;
	}
	measure(&done);
	if (sum)
		count(&done, sum);
	if ((done.has_queued && done.queued_ns >= queued_threshold_ns) ||
	    (done.has_dispatched && done.dispatched_ns >= dispatched_threshold_ns))
		report(ctx, &done, &key);
	bpf_map_delete_elem(&in_flight, &address);
	return 0;
}

static __always_inline int forget(struct request *rq)
{
	__u64 key = (__u64)rq;

	bpf_map_delete_elem(&in_flight, &key);
	return 0;
}

/* Which of the arguments of insert, issue and merge is the request. */
static __always_inline struct request *request_of(const __u64 *args)
{
	if (bpf_core_type_exists(btf_trace_block_rq_issue))
		return (struct request *)args[0];
	return (struct request *)args[1];
}

SEC("tp_btf/block_rq_insert")
int insert__tp_btf(__u64 *ctx)
{
	return insert(request_of(ctx));
}

SEC("raw_tp/block_rq_insert")
int insert__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return insert(request_of((__u64 *)ctx));
}

SEC("tp_btf/block_rq_issue")
int issue__tp_btf(__u64 *ctx)
{
	return issue(request_of(ctx));
}

SEC("raw_tp/block_rq_issue")
int issue__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return issue(request_of((__u64 *)ctx));
}

SEC("tp_btf/block_rq_complete")
int complete__tp_btf(__u64 *ctx)
{
	return complete(ctx, (struct request *)ctx[0], (__u32)ctx[1], ctx[2]);
}

SEC("raw_tp/block_rq_complete")
int complete__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return complete(ctx, (struct request *)ctx->args[0], (__u32)ctx->args[1], ctx->args[2]);
}

/* Since 5.10. Without it a request that was merged into another is remembered until its address is used again. */
SEC("?tp_btf/block_rq_merge")
int merge__tp_btf(__u64 *ctx)
{
	return forget(request_of(ctx));
}

SEC("?raw_tp/block_rq_merge")
int merge__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return forget(request_of((__u64 *)ctx));
}

/* bpf_probe_read_kernel() is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
