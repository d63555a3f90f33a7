/* SPDX-License-Identifier: GPL-2.0 */
/* Both ends of an IPv4 or IPv6 socket, as the socket has them, and whose socket it is. */
#ifndef __BIANQUE_ENDPOINTS_H__
#define __BIANQUE_ENDPOINTS_H__

#include "vmlinux.h"
#include "socket.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Where ::ffff:0:0/96 keeps an IPv4 address */
#define IPV4_MAPPED 12

struct endpoint {
	__u8 address[16];
	__u16 port;
};

struct endpoints {
	struct endpoint local, remote;
	__u8 address_length; /* 4, 16; 0: not a socket of IPv4 or IPv6 */
};

/* Fields of an event that describe a segment from one end to the other. */
#define ENDPOINT_FIELDS \
	__u8 saddr[16]; \
	__u8 daddr[16]; \
	__u16 sport;    \
	__u16 dport;    \
	__u8 address_length

#define endpoints_fill(event, from, to, length)                                            \
	do {                                                                               \
		__builtin_memcpy((event)->saddr, (from)->address, sizeof((event)->saddr)); \
		__builtin_memcpy((event)->daddr, (to)->address, sizeof((event)->daddr));   \
		(event)->sport = (from)->port;                                             \
		(event)->dport = (to)->port;                                               \
		(event)->address_length = (length);                                        \
	} while (0)

static __always_inline bool is_ipv4_mapped(const __u8 *address)
{
	const __u64 *first = (const __u64 *)address;
	const __u32 *third = (const __u32 *)address + 2;

	return !*first && *third == __builtin_bswap32(0xffff);
}

/* A socket of IPv6 that speaks IPv4 has mapped addresses; on the wire the packets are IPv4's. */
static __always_inline void endpoints_unmap(struct endpoints *ends)
{
	if (!is_ipv4_mapped(ends->remote.address))
		return;
	__builtin_memcpy(ends->local.address, ends->local.address + IPV4_MAPPED, 4);
	__builtin_memcpy(ends->remote.address, ends->remote.address + IPV4_MAPPED, 4);
	ends->address_length = 4;
}

/* The other two states are of struct inet_timewait_sock and struct request_sock. */
static __always_inline bool socket_state_is_full(__u8 state)
{
	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

/* Whether more than the common part of struct sock is there. */
static __always_inline bool socket_is_full(const struct socket *socket)
{
	return socket->is_inet && socket_state_is_full(socket->state);
}

/*
 * Reads the common part only, which struct request_sock and struct inet_timewait_sock have too. ends is all zero when
 * it comes in, and aligned to 8.
 */
static __always_inline void endpoints_read(const struct sock *sk, struct endpoints *ends)
{
	__u16 family;

	if (!is_kernel_pointer(sk) || BPF_CORE_READ_INTO(&family, sk, __sk_common.skc_family))
		return;
	ends->local.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	/* A socket that has given its port back, as before the RST of its close, still knows which it was. */
	if (!ends->local.port && socket_state_is_full(BPF_CORE_READ(sk, __sk_common.skc_state)))
		ends->local.port = __builtin_bswap16(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	ends->remote.port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (family == AF_INET) {
		ends->address_length = 4;
		bpf_core_read(ends->local.address, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(ends->remote.address, 4, &sk->__sk_common.skc_daddr);
	} else if (family == AF_INET6) {
		ends->address_length = 16;
		bpf_core_read(ends->local.address, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(ends->remote.address, 16, &sk->__sk_common.skc_v6_daddr);
		endpoints_unmap(ends);
	}
}

/* Whether a listener can take no connection more. */
static __always_inline bool accept_queue_is_full(const struct sock *listener)
{
	return BPF_CORE_READ(listener, sk_ack_backlog) > BPF_CORE_READ(listener, sk_max_ack_backlog);
}

#define CGROUP_ID_ROOT 1

static __always_inline __u64 socket_cgroup_v2(const struct sock *sk)
{
	struct cgroup *cgroup;

	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup)) {
		cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
	} else {
		cgroup = (struct cgroup *)BPF_CORE_READ(sk, sk_cgrp_data.val);
		if ((__u64)cgroup & 3)
			return 0;
	}
	return is_kernel_pointer(cgroup) ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

/*
 * The cgroup of the task that made the socket: in a softirq the task on the CPU says nothing of whose it is. Where
 * cgroup v2 is not in use all are of its root, and that of the memory controller says more. sk is a full socket.
 * 0: not known.
 */
static __always_inline __u64 socket_cgroup_id(const struct sock *sk)
{
	__u64 id = socket_cgroup_v2(sk);
	struct mem_cgroup *memcg;
	__u64 memcg_id;

	if (id > CGROUP_ID_ROOT)
		return id;
	/* Newer kernels keep flags in the lowest bits. */
	memcg = (struct mem_cgroup *)((__u64)BPF_CORE_READ(sk, sk_memcg) & ~7ULL);
	if (!is_kernel_pointer(memcg))
		return id;
	memcg_id = BPF_CORE_READ(memcg, css.cgroup, kn, id);
	return memcg_id ?: id;
}

/* The device that the socket sends by, NULL: not routed yet. sk is a full socket. */
static __always_inline struct net_device *socket_device(const struct sock *sk)
{
	struct dst_entry *dst = BPF_CORE_READ(sk, sk_dst_cache);
	struct net_device *dev;

	if (!is_kernel_pointer(dst))
		return NULL;
	dev = BPF_CORE_READ(dst, dev);
	return device_is_one(dev) ? dev : NULL;
}

#endif /* __BIANQUE_ENDPOINTS_H__ */
