# Tasks that want more CPUs than there are, in a cgroup of their own, for longer than the kernel's trigger waits.
# limit 120 s
set -eu
. /lib.sh

group=/sys/fs/cgroup/bianque-psi
[ "$CGROUPS" = V2 ] || group=/sys/fs/cgroup/unified/bianque-psi
children=
cleanup() {
    # shellcheck disable=SC2086 # a list of numbers
    kill $children 2>/dev/null || true
    wait
    rmdir "$group"
}
trap cleanup EXIT
mkdir "$group"
for _ in 1 2 3 4 5 6; do
    bash -c "echo \$\$ > $group/cgroup.procs; while :; do :; done" &
    children="$children $!"
done
waited() { [ "$(sed -n 's/^some.*total=//p' "$group/cpu.pressure")" -ge "$1" ]; }
# Three windows of the trigger, and in any case until the agent's next look at the cgroup, every 10 s.
await waited 12000000
