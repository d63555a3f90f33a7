# An e1000 whose interrupts do not get through: it sends, and its driver never hears of it.
# needs program ip
# needs module e1000
# limit 120 s
set -eu
. /lib.sh

device=$(basename "$(ls -d /sys/bus/pci/drivers/e1000/*/net/* 2>/dev/null | head -1)")
[ -n "$device" ] || skip "this machine has no e1000"
config=$(readlink -f "/sys/class/net/$device/device")/config

# The upper half of the command register, whose third bit keeps interrupts back. With interrupts the driver itself finds
# the card hung every two seconds and stops the queue again, which since 6.1.129 sets the kernel's clock back each time.
command=$(od -An -tu1 -j5 -N1 "$config")
poke() { printf "\\x$(printf %02x "$1")" | dd of="$config" bs=1 seek=5 conv=notrunc 2>/dev/null; }
cleanup() {
    poke "$command"
    ip link set "$device" down
    ip addr flush dev "$device"
}
trap cleanup EXIT

ip addr add 198.51.100.1/24 dev "$device"
ip link set "$device" up
carrier() { [ "$(cat "/sys/class/net/$device/carrier")" = 1 ]; }
await carrier
poke $((command | 4))
ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev "$device"
# As many as its ring holds, and more.
for _ in $(seq 400); do echo > /dev/udp/198.51.100.2/9; done
timed_out() { [ "$(cat "/sys/class/net/$device/queues/tx-0/tx_timeout")" -ge 1 ]; }
await timed_out
