/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets, devices and namespaces behind a pointer that may be none. */
#ifndef __BIANQUE_SOCKET_H__
#define __BIANQUE_SOCKET_H__

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17

#define TCP_ESTABLISHED 1
#define TCP_TIME_WAIT 6
#define TCP_NEW_SYN_RECV 12
#define TCP_BOUND_INACTIVE 13

#define IFNAMSIZ 16
#define NETDEV_HASHENTRIES 256
/* Devices of one namespace whose ifindex is the same modulo 256; more are not looked at. */
#define NETDEV_HASH_CHAIN 8
/* Namespace inodes: PROC_DYNAMIC_FIRST is 0xf0000000, the initial ones lie just below. */
#define NAMESPACE_INODE_MIN 0xefffff00

/* include/linux/poison.h; POISON_POINTER_DELTA of x86-64 and arm64 */
#define LIST_POISON2 0xdead000000000122ULL

struct socket {
	__u64 net; /* struct net *, 0: unknown */
	__u8 is_inet; /* the others have a meaning */
	__u8 state; /* include/net/tcp_states.h */
	__u16 protocol; /* 0: a socket that is no full struct sock, and so TCP or DCCP */
};

static __always_inline bool is_kernel_pointer(const void *pointer)
{
	return (__s64)pointer < 0;
}

/*
 * skb->sk shares its place with ip_defrag_offset in a fragment that waits for the others (until 6.9): then it is a
 * small number. socket is all zero when it comes in.
 */
static __always_inline void socket_read(struct sock *sk, struct socket *socket)
{
	__u16 family;
	__u8 state;

	if (!is_kernel_pointer(sk) || BPF_CORE_READ_INTO(&family, sk, __sk_common.skc_family) ||
	    (family != AF_INET && family != AF_INET6 && family != AF_PACKET))
		return;
	socket->net = (__u64)BPF_CORE_READ(sk, __sk_common.skc_net.net);
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (family == AF_PACKET || state < TCP_ESTABLISHED || state > TCP_BOUND_INACTIVE)
		return;
	socket->is_inet = 1;
	socket->state = state;
	/* These are struct inet_timewait_sock and struct request_sock: of struct sock they have the common part only.
	 */
	if (state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV)
		socket->protocol = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_protocol);
}

/* The inode of a namespace; 0: not one. */
static __always_inline __u32 namespace_inode(const struct net *net)
{
	__u32 inode = 0;

	if (!is_kernel_pointer(net))
		return 0;
	inode = BPF_CORE_READ(net, ns.inum);
	return inode >= NAMESPACE_INODE_MIN ? inode : 0;
}

/*
 * skb->dev shares its place with rb_left in TCP's out-of-order queue, and with dev_scratch in UDP's receive queue;
 * nothing in the skb says so. A device is linked into its namespace's list of devices, or was a moment ago; has an
 * index; and knows its namespace.
 */
static __always_inline bool device_is_one(struct net_device *dev)
{
	struct list_head *self, *next, *prev;

	if (!is_kernel_pointer(dev))
		return false;
	self = __builtin_preserve_access_index(&dev->dev_list);
	next = BPF_CORE_READ(self, next);
	prev = BPF_CORE_READ(self, prev);
	if (!is_kernel_pointer(next) || (BPF_CORE_READ(next, prev) != self && (__u64)prev != LIST_POISON2))
		return false;
	return BPF_CORE_READ(dev, ifindex) > 0 && namespace_inode(BPF_CORE_READ(dev, nd_net.net));
}

static __always_inline struct net_device *device_by_index(struct net *net, int ifindex)
{
	__u32 node_offset = bpf_core_field_offset(struct net_device, index_hlist);
	struct hlist_head *heads = BPF_CORE_READ(net, dev_index_head);
	struct hlist_node *node;
	int i;

	if (!is_kernel_pointer(heads))
		return NULL;
	node = BPF_CORE_READ(&heads[ifindex & (NETDEV_HASHENTRIES - 1)], first);
#pragma unroll
	for (i = 0; i < NETDEV_HASH_CHAIN; i++) {
		struct net_device *dev = (void *)node - node_offset;

		if (!is_kernel_pointer(node))
			break;
		if (BPF_CORE_READ(dev, ifindex) == ifindex)
			return dev;
		node = BPF_CORE_READ(node, next);
	}
	return NULL;
}

/*
 * The device a packet is at; else the one it came in by, of the socket's namespace (TCP takes skb->dev away when it
 * has found the socket); else the one it is routed to. NULL: none.
 */
static __always_inline struct net_device *device_of(struct sk_buff *skb, const struct socket *socket)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	int ifindex = BPF_CORE_READ(skb, skb_iif);
	struct dst_entry *dst;

	if (device_is_one(dev))
		return dev;
	if (ifindex > 0) {
		if (!namespace_inode((struct net *)socket->net))
			return NULL;
		dev = device_by_index((struct net *)socket->net, ifindex);
		return device_is_one(dev) ? dev : NULL;
	}
	/* The lowest bit is SKB_DST_NOREF. In TCP's write queue it is a list pointer, and what it leads to no device.
	 */
	dst = (struct dst_entry *)(BPF_CORE_READ(skb, _skb_refdst) & ~1UL);
	if (!is_kernel_pointer(dst))
		return NULL;
	dev = BPF_CORE_READ(dst, dev);
	return device_is_one(dev) ? dev : NULL;
}

#endif /* __BIANQUE_SOCKET_H__ */
