/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every event begins with. The agent finds the event by its name, struct <probe>_event, and each field by the
 * name it has in the probe's Avro schema.
 */
#ifndef __BIANQUE_EVENT_H__
#define __BIANQUE_EVENT_H__

#define EVENT_HEADER                                                                          \
	__u64 ktime_ns; /* CLOCK_MONOTONIC */                                                 \
	__u64 sequence; /* of this CPU, counted from 1 when an event passes the rate limit */ \
	__s32 cpu

/* bpf_get_stack() gives no more: kernel.perf_event_max_stack */
#define STACK_FRAMES 127

#endif /* __BIANQUE_EVENT_H__ */
