/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The host's memory at this moment, in pages, as /proc/meminfo would give it. The kernel's totals are variables, which
 * a program finds only where the kernel lists its variables' addresses; so they are summed up from the zones of all
 * nodes, which any memory cgroup leads to. What CPUs have not yet added to the zones' counters is missing, as it is in
 * /proc/meminfo: a few hundred pages a CPU at most.
 */
#ifndef __BIANQUE_HOST_MEMORY_H__
#define __BIANQUE_HOST_MEMORY_H__

#include "vmlinux.h"
#include "cgroup.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Populated zones: two or three a node. More are left out, and then `complete` is not set. */
#define HOST_ZONES 64

struct host_memory {
	__u64 total;
	__u64 free;
	__u64 active_anon;
	__u64 inactive_anon;
	__u64 active_file;
	__u64 inactive_file;
	__u64 unevictable;
	__u64 slab_reclaimable;
	__u64 slab_unreclaimable;
	__u64 shmem;
	__u64 dirty;
	__u64 writeback;
	bool complete;
};

static __always_inline __u64 page_statistic(atomic_long_t *statistics, __u32 item)
{
	long pages = 0;

	bpf_probe_read_kernel(&pages, sizeof(pages), &statistics[item]);
	return pages > 0 ? pages : 0;
}

#define zone_pages(zone, item)                                               \
	page_statistic(__builtin_preserve_access_index(&(zone)->vm_stat[0]), \
		       bpf_core_enum_value(enum zone_stat_item, item))
#define node_pages(node, item)                                               \
	page_statistic(__builtin_preserve_access_index(&(node)->vm_stat[0]), \
		       bpf_core_enum_value(enum node_stat_item, item))

static __always_inline void host_memory_read(struct mem_cgroup *memcg, struct host_memory *memory)
{
	struct mem_cgroup_per_node *first = BPF_CORE_READ(memcg, nodeinfo[0]);
	struct pglist_data *node = BPF_CORE_READ(first, lruvec.pgdat), *last = NULL, *of;
	/* Of each node the list of all zones, the nearest node's first; a node's zones stand together. */
	struct zoneref *refs = node ? __builtin_preserve_access_index(&node->node_zonelists[0]._zonerefs[0]) : NULL;
	__u32 ref_size = bpf_core_type_size(struct zoneref);
	struct zone *zone;
	int i;

	__builtin_memset(memory, 0, sizeof(*memory));
	if (!refs)
		return;
	NO_UNROLL
	for (i = 0; i < HOST_ZONES; i++) {
		zone = BPF_CORE_READ((struct zoneref *)((void *)refs + i * ref_size), zone);
		if (!zone) {
			memory->complete = memory->total > 0;
			break;
		}
		memory->total += BPF_CORE_READ(zone, managed_pages.counter);
		memory->free += zone_pages(zone, NR_FREE_PAGES);
		memory->active_anon += zone_pages(zone, NR_ZONE_ACTIVE_ANON);
		memory->inactive_anon += zone_pages(zone, NR_ZONE_INACTIVE_ANON);
		memory->active_file += zone_pages(zone, NR_ZONE_ACTIVE_FILE);
		memory->inactive_file += zone_pages(zone, NR_ZONE_INACTIVE_FILE);
		memory->unevictable += zone_pages(zone, NR_ZONE_UNEVICTABLE);
		of = BPF_CORE_READ(zone, zone_pgdat);
		if (of == last)
			continue;
		last = of;
		memory->slab_reclaimable += node_pages(of, NR_SLAB_RECLAIMABLE_B);
		memory->slab_unreclaimable += node_pages(of, NR_SLAB_UNRECLAIMABLE_B);
		memory->shmem += node_pages(of, NR_SHMEM);
		memory->dirty += node_pages(of, NR_FILE_DIRTY);
		memory->writeback += node_pages(of, NR_WRITEBACK);
	}
}

#endif /* __BIANQUE_HOST_MEMORY_H__ */
