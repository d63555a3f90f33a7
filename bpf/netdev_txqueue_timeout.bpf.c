// SPDX-License-Identifier: GPL-2.0
/* A device's transmit queue stood still for longer than its driver allows: tracepoint net:net_dev_xmit_timeout. */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"
#include "include/socket.h"

#define DRIVER_NAME 32

struct netdev_txqueue_timeout_event {
	EVENT_HEADER;
	__u32 netns;
	__s32 ifindex;
	char device[IFNAMSIZ];
	char driver[DRIVER_NAME];
	__u32 queue;
	__u32 queues;
	__u32 timeouts;
	__u32 bytes_in_flight;
	__u32 packets_queued;
	__u8 has_netns;
	__u8 has_driver;
	__u8 has_queue;
	__u8 pad;
};

struct netdev_txqueue_timeout_scratch {
	struct netdev_txqueue_timeout_event event;
};

CHANNEL_SCRATCH(struct netdev_txqueue_timeout_scratch);

static __always_inline void fill_driver(struct netdev_txqueue_timeout_event *event, struct net_device *dev)
{
	const char *name = BPF_CORE_READ(dev, dev.parent, driver, name);

	if (!is_kernel_pointer(name))
		return;
	event->has_driver = bpf_probe_read_kernel_str(event->driver, sizeof(event->driver), name) > 1;
}

/* CO-RE relocates constant indices only: the queue is as far from the first as its number of sizes. */
static __always_inline void fill_queue(struct netdev_txqueue_timeout_event *event, struct net_device *dev)
{
	struct netdev_queue *queue = BPF_CORE_READ(dev, _tx);
	struct netdev_queue___atomic *counted;
	struct Qdisc *qdisc;

	if (!is_kernel_pointer(queue) || event->queue >= event->queues)
		return;
	queue = (void *)queue + event->queue * bpf_core_type_size(struct netdev_queue);
	counted = (void *)queue;
	event->has_queue = 1;
	if (bpf_core_field_exists(counted->trans_timeout.counter))
		event->timeouts = BPF_CORE_READ(counted, trans_timeout.counter);
	else
		event->timeouts = BPF_CORE_READ(queue, trans_timeout);
	event->bytes_in_flight = BPF_CORE_READ(queue, dql.num_queued) - BPF_CORE_READ(queue, dql.num_completed);
	qdisc = BPF_CORE_READ(queue, qdisc);
	if (is_kernel_pointer(qdisc))
		event->packets_queued = BPF_CORE_READ(qdisc, q.qlen);
}

static __always_inline void fill(struct netdev_txqueue_timeout_event *event, struct net_device *dev, __u32 queue)
{
	event->cpu = bpf_get_smp_processor_id();
	event->netns = namespace_inode(BPF_CORE_READ(dev, nd_net.net));
	event->has_netns = event->netns != 0;
	event->ifindex = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_STR_INTO(&event->device, dev, name);
	event->queue = queue;
	event->queues = BPF_CORE_READ(dev, real_num_tx_queues);
	fill_driver(event, dev);
	fill_queue(event, dev);
}

static __always_inline int report(void *ctx, struct net_device *dev, __u32 queue)
{
	struct netdev_txqueue_timeout_scratch *slot;
	__u64 now = bpf_ktime_get_ns();
	int depth = channel_enter();

	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot) {
		__builtin_memset(&slot->event, 0, sizeof(slot->event));
		if (channel_admit(BPF_CORE_READ(dev, ifindex), now, &slot->event.sequence)) {
			slot->event.ktime_ns = now;
			fill(&slot->event, dev, queue);
			channel_submit(ctx, &slot->event, sizeof(slot->event));
		}
	}
	channel_leave();
	return 0;
}

/*
 * The classic tracepoint has no pointer to the device, only names; of a kernel with BTF, which this object needs, one
 * of these two holds.
 */
SEC("tp_btf/net_dev_xmit_timeout")
int timeout__tp_btf(__u64 *ctx)
{
	return report(ctx, (struct net_device *)ctx[0], ctx[1]);
}

SEC("raw_tp/net_dev_xmit_timeout")
int timeout__raw_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return report(ctx, (struct net_device *)ctx->args[0], ctx->args[1]);
}

/* bpf_probe_read_kernel() is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
