# Two 802.3ad bonds, joined by two links, of which one goes down.
# needs program ip
# needs module veth bonding
# limit 60 s
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
ip -n lacp-b link set b1 down
left() { bond | grep -q 'Number of ports: 1'; }
await left
