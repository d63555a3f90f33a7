# Clients of a listener that accepts none, over loopback: its queue has room for three.
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
# How many it takes is not said: a listener is not locked, so two handshakes that end on two CPUs at once may both get
# the last place (tcp_v4_syn_recv_sock).
one_more_overflows() {
    bash -c 'exec 3<> /dev/tcp/127.0.0.1/4301; exec cat <&3 > /dev/null' 2>/dev/null &
    children="$children $!"
    usleep 100000
    [ "$(overflows)" -gt "$before" ]
}
await one_more_overflows
