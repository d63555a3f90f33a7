# Two 802.3ad bonds, joined by two links, of which one falls silent in one direction.
# needs program ip nft
# needs module veth bonding nf_tables
# limit 120 s
set -eu
. /lib.sh

cleanup() {
    ip netns delete lacp-a 2>/dev/null || true
    ip netns delete lacp-b 2>/dev/null || true
}
trap cleanup EXIT
cleanup
for side in a b; do
    ip netns add "lacp-$side"
    ip -n "lacp-$side" link add "bond-$side" type bond mode 802.3ad lacp_rate fast miimon 100
done
for leg in 0 1; do
    ip link add "a$leg" netns lacp-a type veth peer name "b$leg" netns lacp-b
    for side in a b; do
        ip -n "lacp-$side" link set "$side$leg" master "bond-$side"
        ip -n "lacp-$side" link set "$side$leg" up
    done
done
for side in a b; do
    ip -n "lacp-$side" link set "bond-$side" up
done

# Two ports in the active aggregator, and the other end known.
bond() { ip netns exec lacp-a cat /proc/net/bonding/bond-a; }
together() { bond | grep -q 'Number of ports: 2' && [ "$(bond | grep -c 'port state: 63')" -ge 4 ]; }
await together
# a1 hears nothing of its partner any more.
ip netns exec lacp-a nft -f - <<'RULES'
table netdev bianque {
    chain test {
        type filter hook ingress device a1 priority 0;
        ether type 0x8809 drop
    }
}
RULES
# Neither collecting nor distributing: 16, 32.
state_of_a1() { bond | sed -n '/^Slave Interface: a1$/,$ s/.*port state: //p' | head -1; }
left() { [ $(($(state_of_a1) & 48)) = 0 ]; }
await left
