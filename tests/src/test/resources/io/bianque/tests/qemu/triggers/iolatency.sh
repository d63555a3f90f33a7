# Reads from a disk that takes 60 ms for each request.
# needs program dd
# needs module null_blk
set -eu
. /lib.sh

mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
disk=/sys/kernel/config/nullb/nullb7
trap 'echo 0 > "$disk/power"; rmdir "$disk"' EXIT
mkdir "$disk"
echo 2 > "$disk/irqmode"
echo 60000000 > "$disk/completion_nsec"
echo 16 > "$disk/size"
echo 1 > "$disk/power"
# Since 6.0 its name is the folder's; before, it is a number.
device=/dev/nullb7
[ -b "$device" ] || device=/dev/nullb$(cat "$disk/index")
await test -b "$device"
dd if="$device" of=/dev/null bs=4096 count=3 skip=2 iflag=direct
