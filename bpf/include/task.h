/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks: what an event says of one, and the cgroups that it is in. */
#ifndef __BIANQUE_TASK_H__
#define __BIANQUE_TASK_H__

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Fields of an event, and of its schema. */
#define TASK_FIELDS    \
	__s32 pid;     \
	__s32 tid;     \
	char comm[16]; \
	__u64 cgroup_id

/* Id of its cgroup in the unified hierarchy, which is the inode of the cgroup's folder; 1: the root. */
static __always_inline __u64 task_cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

/* The cgroup by which a controller counts a task, in whichever hierarchy the controller is; NULL: it is off. */
#define task_controller_cgroup(task, controller)                                                          \
	({                                                                                                \
		struct cgroup_subsys_state *__css = NULL;                                                 \
		if (bpf_core_enum_value_exists(enum cgroup_subsys_id, controller)) {                      \
			__u32 __at = bpf_core_enum_value(enum cgroup_subsys_id, controller);              \
			struct css_set *__set = BPF_CORE_READ(task, cgroups);                             \
			/* CO-RE relocates constant indices only */                                       \
			bpf_probe_read_kernel(&__css, sizeof(__css),                                      \
					      __builtin_preserve_access_index(&__set->subsys[0]) + __at); \
		}                                                                                         \
		__css ? BPF_CORE_READ(__css, cgroup) : NULL;                                              \
	})

/* Id of the memory controller's cgroup, v1 or v2; 0: there is none. */
static __always_inline __u64 task_memcg_id(struct task_struct *task)
{
	struct cgroup *cgroup = task_controller_cgroup(task, memory_cgrp_id);

	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

/* Of the task that is on the CPU. */
#define task_fill_current(event)                                            \
	do {                                                                \
		__u64 __pid_tgid = bpf_get_current_pid_tgid();              \
		(event)->pid = __pid_tgid >> 32;                            \
		(event)->tid = (__u32)__pid_tgid;                           \
		(event)->cgroup_id = bpf_get_current_cgroup_id();           \
		bpf_get_current_comm((event)->comm, sizeof((event)->comm)); \
	} while (0)

/* Of any task. */
#define task_fill(event, task)                                      \
	do {                                                        \
		(event)->pid = BPF_CORE_READ(task, tgid);           \
		(event)->tid = BPF_CORE_READ(task, pid);            \
		(event)->cgroup_id = task_cgroup_id(task);          \
		BPF_CORE_READ_STR_INTO(&(event)->comm, task, comm); \
	} while (0)

#endif /* __BIANQUE_TASK_H__ */
