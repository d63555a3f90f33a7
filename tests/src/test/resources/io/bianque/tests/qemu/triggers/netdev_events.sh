# Ports of a bond of which one loses its link, a device that is renamed, one in a namespace of its own.
# needs program ip
# needs module veth bonding dummy
# limit 120 s
set -eu
. /lib.sh

cleanup() {
    for device in bond-ev port-ev0 port-ev1 new-ev near-ev; do
        ip link del "$device" 2>/dev/null || true
    done
    ip netns delete far-ev 2>/dev/null || true
}
trap cleanup EXIT
cleanup

ip link add bond-ev type bond mode active-backup miimon 50
for number in 0 1; do
    ip link add "port-ev$number" type veth peer name "peer-ev$number"
    ip link set "peer-ev$number" up
    ip link set "port-ev$number" master bond-ev
done
ip link set bond-ev up
uses() { [ "$(cat /sys/class/net/bond-ev/bonding/active_slave)" = "$1" ]; }
await uses port-ev0
ip link set peer-ev0 down
await uses port-ev1

ip link add old-ev type dummy
ip link set old-ev name new-ev
ip netns add far-ev
ip link add near-ev type veth peer name inside-ev netns far-ev
# The namespace of an event is looked for when the agent reads it: not to be gone by then.
sleep 2
