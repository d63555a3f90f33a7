# Clients of a listener that accepts none, over loopback: its queue has room for two.
# needs native deaf
# limit 80 s
set -eu
. /lib.sh

children=
# shellcheck disable=SC2086 # a list of numbers
trap 'kill $children 2>/dev/null || true' EXIT
overflows() {
    awk '/^TcpExt:/ { if (n) print $column; else for (i = 1; i <= NF; i++) if ($i == "ListenOverflows") column = i; n++ }' \
        /proc/net/netstat
}
before=$(overflows)
deaf 4301 &
children=$!
listens() { netstat -ltn | grep -q ":4301 "; }
await listens
for _ in 1 2 3 4; do
    bash -c 'exec 3<> /dev/tcp/127.0.0.1/4301; exec cat <&3 > /dev/null' 2>/dev/null &
    children="$children $!"
done
overflown() { [ "$(overflows)" -gt "$before" ]; }
await overflown
