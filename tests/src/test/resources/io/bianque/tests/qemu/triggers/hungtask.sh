# Tasks that write to a frozen file system, and one that wants a lock that such a task has.
# needs program mkfs.ext4 fsfreeze dd
# needs module loop ext4
# limit 120 s
set -eu
. /lib.sh

cd "$(mktemp -d)"
timeout=$(cat /proc/sys/kernel/hung_task_timeout_secs)
dd if=/dev/zero of=image bs=1M count=16 status=none
mkfs.ext4 -q image
mkdir disk
mount -o loop image disk
touch disk/shared
exec 3>>disk/shared
undo() {
    fsfreeze -u disk || true
    echo "$timeout" > /proc/sys/kernel/hung_task_timeout_secs
    wait
    exec 3>&-
    umount disk
}
trap undo EXIT
asleep() { [ "$(cut -d' ' -f3 "/proc/$1/stat")" = D ]; }
fsfreeze -f disk
echo 2 > /proc/sys/kernel/hung_task_timeout_secs
dd if=/dev/zero of=disk/new bs=1 count=1 status=none &
echo "writer $!"
echo one >&3 &
holder=$!
await asleep "$holder"
echo "holder $holder"
echo two >&3 &
echo "waiter $!"
# The kernel looks every two seconds, and wants to find a task twice in the same sleep.
await sh -c 'dmesg | grep -c "blocked for more than" | grep -q "^[3-9]"'
