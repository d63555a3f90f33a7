# A CPU is in kernel code for some seconds, without a schedule.
# needs native busy
# limit 120 s
# last: the kernel is tainted by it
set -eu
. /lib.sh

threshold=$(cat /proc/sys/kernel/watchdog_thresh)
trap 'echo "$threshold" > /proc/sys/kernel/watchdog_thresh' EXIT
echo 1 > /proc/sys/kernel/watchdog_thresh
taskset 2 busy lockup 8000
dmesg | grep "soft lockup"
