# Reads more of the disk than a cgroup may cache, then takes more memory than the host has.
# needs module virtio_pci virtio_blk
# needs program tail
# limit 120 s
# last: the host's memory runs out
set -eu
. /lib.sh

if [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
    cgroup=/sys/fs/cgroup/memory/reclaim limit=memory.limit_in_bytes
else
    cgroup=/sys/fs/cgroup/reclaim limit=memory.max
fi
mkdir "$cgroup"
echo 8M > "$cgroup/$limit"
bash -c 'echo $$ > "$0/cgroup.procs" && exec dd if=/dev/vda of=/dev/null bs=64k' "$cgroup"
tail /dev/zero || echo "on the host: $?"
