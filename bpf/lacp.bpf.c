// SPDX-License-Identifier: GPL-2.0
/*
 * A port of an 802.3ad bond may not collect and distribute: no packet goes over that link. Function
 * ad_disable_collecting_distributing of the bonding module, and what the bond knows at that moment.
 */
#include "include/vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#define CHANNEL_BYTES (64 * 1024)
#include "include/channel.h"
#include "include/event.h"
#include "include/kprobe.h"
#include "include/socket.h"

#define ETH_ALEN 6
#define MAC_TEXT 18

struct mac_addr {
	__u8 addr[ETH_ALEN];
};

struct aggregator {
	struct mac_addr aggregator_mac_address;
	__u16 aggregator_identifier;
	bool is_individual;
	__u16 actor_admin_aggregator_key;
	__u16 actor_oper_aggregator_key;
	struct mac_addr partner_system;
	__u16 partner_system_priority;
	__u16 partner_oper_aggregator_key;
	__u16 receive_state;
	__u16 transmit_state;
	struct port *lag_ports;
	struct slave *slave;
	__u16 is_active;
	__u16 num_of_ports;
};

struct port_params {
	struct mac_addr system;
	__u16 system_priority;
	__u16 key;
	__u16 port_number;
	__u16 port_priority;
	__u16 port_state;
};

/*
 * As it was from 4.8 to 6.17. Kernels before 5.11 have no types of modules, and this is their only description; it ends
 * where nothing behind it is read.
 */
struct port {
	__u16 actor_port_number;
	__u16 actor_port_priority;
	struct mac_addr actor_system;
	__u16 actor_system_priority;
	__u16 actor_port_aggregator_identifier;
	bool ntt;
	__u16 actor_admin_port_key;
	__u16 actor_oper_port_key;
	__u8 actor_admin_port_state;
	__u8 actor_oper_port_state;
	struct port_params partner_admin;
	struct port_params partner_oper;
	bool is_enabled;
	__u16 sm_vars;
	__u32 sm_rx_state;
	__u16 sm_rx_timer_counter;
	__u32 sm_periodic_state;
	__u16 sm_periodic_timer_counter;
	enum {
		MUX_STATE, /* an enumeration is no integer to CO-RE */
	} sm_mux_state;
	__u16 sm_mux_timer_counter;
	__u32 sm_tx_state;
	__u16 sm_tx_timer_counter;
	__u16 sm_churn_actor_timer_counter;
	__u16 sm_churn_partner_timer_counter;
	__u32 churn_actor_count;
	__u32 churn_partner_count;
	__u32 sm_churn_actor_state;
	__u32 sm_churn_partner_state;
	struct slave *slave;
	struct aggregator *aggregator;
};

struct bonding {
	struct net_device *dev;
};

struct slave {
	struct net_device *dev;
	struct bonding *bond;
	int delay;
	unsigned long last_link_up;
};

/*
 * For kernels with types of modules. There a struct port cannot be found by its name, since virtio's console has one
 * too, which may be in the kernel itself; but it is a member of this, and this is unique.
 */
struct ad_slave_info {
	struct port port;
} __attribute__((preserve_access_index));

struct slave___core {
	__s8 link;
	__u32 link_failure_count;
	__u32 speed;
	__u8 duplex;
} __attribute__((preserve_access_index));

struct lacp_event {
	EVENT_HEADER;
	__u32 netns;
	__s32 bond_ifindex;
	__s32 ifindex;
	char bond[IFNAMSIZ];
	char device[IFNAMSIZ];
	char partner_system[MAC_TEXT];
	__u16 actor_port;
	__u16 actor_key;
	__u16 actor_state;
	__u16 partner_port;
	__u16 partner_key;
	__u16 partner_state;
	__u16 aggregator_id;
	__u16 aggregator_ports;
	__u8 aggregator_use;
	__u8 mux_state;
	__u8 link;
	__u8 has_netns;
	__u8 has_link;
	__u8 has_aggregator;
	__u8 has_partner;
	__u8 pad[3];
	__u32 link_failures;
};

struct lacp_scratch {
	struct lacp_event event;
	struct port port;
	struct aggregator aggregator;
	struct slave slave;
};

CHANNEL_SCRATCH(struct lacp_scratch);

/* A member of *port into the same member of the scratch slot's. */
#define port_read(slot, port, member)                                                                              \
	do {                                                                                                       \
		const struct ad_slave_info *info;                                                                  \
		if (bpf_core_type_exists(struct ad_slave_info)) {                                                  \
			info = (const void *)(port)-bpf_core_field_offset(struct ad_slave_info, port);             \
			bpf_core_read(&(slot)->port.member, sizeof((slot)->port.member), &info->port.member);      \
		} else {                                                                                           \
			bpf_probe_read_kernel(&(slot)->port.member, sizeof((slot)->port.member), &(port)->member); \
		}                                                                                                  \
	} while (0)

static __always_inline void read_port(struct lacp_scratch *slot, const struct port *port)
{
	port_read(slot, port, actor_port_number);
	port_read(slot, port, actor_oper_port_key);
	port_read(slot, port, actor_oper_port_state);
	port_read(slot, port, partner_oper.key);
	port_read(slot, port, partner_oper.port_number);
	port_read(slot, port, partner_oper.port_state);
	port_read(slot, port, sm_mux_state);
	port_read(slot, port, slave);
	port_read(slot, port, aggregator);
}

/* Both have begun so since 2.6. A port that has lost its link may have no aggregator any more. */
static __always_inline bool read_slave(struct lacp_scratch *slot)
{
	return is_kernel_pointer(slot->port.slave) &&
	       !bpf_probe_read_kernel(&slot->slave, sizeof(slot->slave), slot->port.slave);
}

static __always_inline bool read_aggregator(struct lacp_scratch *slot)
{
	return is_kernel_pointer(slot->port.aggregator) &&
	       !bpf_probe_read_kernel(&slot->aggregator, sizeof(slot->aggregator), slot->port.aggregator);
}

static __always_inline bool has_partner(const struct aggregator *aggregator)
{
	const __u8 *mac = aggregator->partner_system.addr;

	return mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5];
}

static __always_inline char hex_digit(__u8 value)
{
	value &= 0xf;
	return value < 10 ? '0' + value : 'a' + value - 10;
}

static __always_inline void mac_text(char *text, const struct mac_addr *mac)
{
	int i;

#pragma unroll
	for (i = 0; i < ETH_ALEN; i++) {
		text[3 * i] = hex_digit(mac->addr[i] >> 4);
		text[3 * i + 1] = hex_digit(mac->addr[i]);
		text[3 * i + 2] = i == ETH_ALEN - 1 ? 0 : ':';
	}
}

static __always_inline void fill_devices(struct lacp_scratch *slot)
{
	struct lacp_event *event = &slot->event;
	struct net_device *dev = slot->slave.dev, *bond = NULL;

	bpf_probe_read_kernel(&bond, sizeof(bond), &slot->slave.bond->dev);
	event->netns = namespace_inode(BPF_CORE_READ(bond, nd_net.net));
	event->has_netns = event->netns != 0;
	event->bond_ifindex = BPF_CORE_READ(bond, ifindex);
	BPF_CORE_READ_STR_INTO(&event->bond, bond, name);
	event->ifindex = BPF_CORE_READ(dev, ifindex);
	BPF_CORE_READ_STR_INTO(&event->device, dev, name);
}

static __always_inline void fill_link(struct lacp_event *event, const void *of)
{
	const struct slave___core *slave = of;

	if (!bpf_core_field_exists(slave->link_failure_count))
		return;
	event->has_link = 1;
	event->link = BPF_CORE_READ(slave, link) & 3;
	event->link_failures = BPF_CORE_READ(slave, link_failure_count);
}

static __always_inline void fill_aggregator(struct lacp_scratch *slot)
{
	struct lacp_event *event = &slot->event;

	event->has_aggregator = 1;
	event->aggregator_id = slot->aggregator.aggregator_identifier;
	event->aggregator_ports = slot->aggregator.num_of_ports;
	event->aggregator_use = slot->aggregator.is_active != 0;
	event->has_partner = has_partner(&slot->aggregator);
	mac_text(event->partner_system, &slot->aggregator.partner_system);
}

static __always_inline void fill(struct lacp_scratch *slot)
{
	struct lacp_event *event = &slot->event;
	const struct port *port = &slot->port;

	event->cpu = bpf_get_smp_processor_id();
	fill_devices(slot);
	fill_link(event, port->slave);
	event->actor_port = port->actor_port_number;
	event->actor_key = port->actor_oper_port_key;
	event->actor_state = port->actor_oper_port_state;
	event->partner_port = port->partner_oper.port_number;
	event->partner_key = port->partner_oper.key;
	event->partner_state = port->partner_oper.port_state;
	event->mux_state = port->sm_mux_state & 3;
	if (read_aggregator(slot))
		fill_aggregator(slot);
}

static __always_inline void look(void *ctx, struct lacp_scratch *slot, const struct port *port)
{
	__u64 now = bpf_ktime_get_ns();

	read_port(slot, port);
	if (!read_slave(slot))
		return;
	__builtin_memset(&slot->event, 0, sizeof(slot->event));
	if (!channel_admit(slot->port.actor_port_number, now, &slot->event.sequence))
		return;
	slot->event.ktime_ns = now;
	fill(slot);
	channel_submit(ctx, &slot->event, sizeof(slot->event));
}

static __always_inline int report(void *ctx, const struct port *port)
{
	struct lacp_scratch *slot;
	int depth = channel_enter();

	if (depth < 0)
		return 0;
	slot = bpf_map_lookup_elem(&scratch, &depth);
	if (slot)
		look(ctx, slot, port);
	channel_leave();
	return 0;
}

/* Functions of modules since 5.11. */
SEC("?fentry/ad_disable_collecting_distributing")
int disable__fentry(__u64 *ctx)
{
	return report(ctx, (const struct port *)ctx[0]);
}

SEC("?kprobe/ad_disable_collecting_distributing")
int disable__kprobe(struct pt_regs *ctx)
{
	return report(ctx, (const struct port *)kprobe_argument(ctx, 0));
}

/* bpf_probe_read_kernel() is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "GPL";
