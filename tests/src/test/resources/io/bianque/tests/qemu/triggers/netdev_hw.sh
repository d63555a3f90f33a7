# Packets of a protocol that nobody handles: the device that receives them counts them as dropped.
# needs program ip
# needs module veth
# needs native frames
# limit 80 s
set -eu
. /lib.sh

trap 'ip link del hw-from 2>/dev/null || true' EXIT
ip link add hw-from type veth peer name hw-to
for device in hw-from hw-to; do
    echo 1 > "/proc/sys/net/ipv6/conf/$device/disable_ipv6"
    ip link set "$device" up
done
carrier() { [ "$(cat /sys/class/net/hw-to/carrier)" = 1 ]; }
await carrier
frames hw-from 25
dropped() { [ "$(cat /sys/class/net/hw-to/statistics/rx_dropped)" -ge 25 ]; }
await dropped
# The agent looks at the counters every 10 s: the device is not to be gone by then.
sleep 12
