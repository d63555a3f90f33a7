/* SPDX-License-Identifier: GPL-2.0 */
/* The memory controller's cgroups: which one a task is in, its path, its parents, and what it may and does use. */
#ifndef __BIANQUE_CGROUP_H__
#define __BIANQUE_CGROUP_H__

#include "vmlinux.h"
#include "task.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Bytes of a path; a longer one is cut. A pod's container has about 200. */
#define CGROUP_PATH 512

/* NAME_MAX and its end */
#define CGROUP_NAME 256

/* A deeper cgroup's path begins at its 16th folder from below. */
#define CGROUP_LEVELS 16

/* Five copies of a loop's body cost more to load than one that the verifier walks five times. */
#define NO_UNROLL _Pragma("clang loop unroll(disable)")

struct cgroup_scratch {
	struct kernfs_node *nodes[CGROUP_LEVELS];
	__u32 levels;
	__u32 end;
	char path[CGROUP_PATH + CGROUP_NAME];
};

/* Not inlined: out of a loop clang would fetch both offsets ahead, and one of them is none. */
static __noinline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent)) {
		return BPF_CORE_READ(node, __parent);
	}
	barrier();
	return BPF_CORE_READ(node, parent);
}

/* A cgroup's path in its hierarchy, as after the second colon of /proc/<pid>/cgroup, into path[CGROUP_PATH]. */
static __noinline void cgroup_path(struct cgroup *cgroup, struct cgroup_scratch *scratch, char *path)
{
	struct kernfs_node *node = BPF_CORE_READ(cgroup, kn), *parent;
	__u32 end;
	long length;
	int i;

	scratch->levels = 0;
	NO_UNROLL
	for (i = 0; i < CGROUP_LEVELS; i++) {
		scratch->nodes[i] = node;
		parent = kernfs_parent(node);
		if (!parent)
			break;
		node = parent;
		scratch->levels++;
	}
	scratch->path[0] = '/';
	scratch->path[1] = 0;
	/* Both numbers stay in memory, where the verifier does not follow them and walk the loop once for each. */
	scratch->end = 0;
	NO_UNROLL
	for (i = CGROUP_LEVELS - 1; i >= 0; i--) {
		barrier();
		end = scratch->end;
		if (i >= scratch->levels || end > CGROUP_PATH - 2)
			continue;
		/* Within bounds already; the verifier has to see it. */
		barrier_var(end);
		end &= CGROUP_PATH - 1;
		scratch->path[end++] = '/';
		barrier_var(end);
		end &= CGROUP_PATH - 1;
		node = scratch->nodes[i];
		length = bpf_probe_read_kernel_str(&scratch->path[end], CGROUP_NAME, BPF_CORE_READ(node, name));
		scratch->end = length > 0 ? end + length - 1 : end;
	}
	bpf_probe_read_kernel_str(path, CGROUP_PATH, scratch->path);
}

/* The memory controller's state is the first member of its cgroup's own. */
static __always_inline struct mem_cgroup *memcg_of(struct cgroup_subsys_state *css)
{
	return (struct mem_cgroup *)css;
}

/* The memory cgroup that a task is in, v1 or v2; NULL: the controller is off. */
static __always_inline struct mem_cgroup *task_memcg(struct task_struct *task)
{
	struct cgroup_subsys_state *css = NULL;
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	__u32 at;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return NULL;
	at = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	bpf_probe_read_kernel(&css, sizeof(css), __builtin_preserve_access_index(&set->subsys[0]) + at);
	return memcg_of(css);
}

static __always_inline struct mem_cgroup *memcg_parent(struct mem_cgroup *memcg)
{
	return memcg_of(BPF_CORE_READ(memcg, css.parent));
}

static __always_inline __u64 memcg_id(struct mem_cgroup *memcg)
{
	return BPF_CORE_READ(memcg, css.cgroup, kn, id);
}

/* Whether memory is counted in the unified hierarchy: all of a machine's memory cgroups or none. */
static __always_inline bool memcg_is_v2(struct mem_cgroup *memcg, struct task_struct *task)
{
	return BPF_CORE_READ(memcg, css.cgroup, root) == BPF_CORE_READ(task, cgroups, dfl_cgrp, root);
}

/* Whether a limit in pages is one: without, it is the largest number of bytes in pages. */
static __always_inline bool page_limit_is_set(unsigned long pages)
{
	return pages < 1UL << 46;
}

#endif /* __BIANQUE_CGROUP_H__ */
