# Runs out of memory: in a cgroup, in one that is killed as a group, and on the whole host.
# needs program tail
# limit 120 s
# last: the host's memory runs out
set -eu
. /lib.sh

if [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
    root=/sys/fs/cgroup/memory limit=memory.limit_in_bytes
else
    root=/sys/fs/cgroup limit=memory.max
fi

# in_cgroup FOLDER COMMAND…
in_cgroup() { bash -c 'echo $$ > "$0/cgroup.procs" && exec "$@"' "$@"; }

mkdir "$root/oom"
# What is below it counts too: v1 before 5.11 wants to be told.
for switch in memory.use_hierarchy=1 cgroup.subtree_control=+memory; do
    [ ! -e "$root/oom/${switch%=*}" ] || echo "${switch#*=}" > "$root/oom/${switch%=*}"
done
mkdir "$root/oom/a"
echo 40M > "$root/oom/$limit"
in_cgroup "$root/oom/a" tail /dev/zero || echo "in the cgroup: $?"
if [ -e "$root/oom/memory.oom.group" ]; then
    echo 1 > "$root/oom/memory.oom.group"
    in_cgroup "$root/oom/a" bash -c 'sleep 100 & sleep 100 & exec tail /dev/zero' || echo "the group: $?"
fi
tail /dev/zero || echo "on the host: $?"
