# Drops packets of five kinds between two namespaces joined by veth. Addresses and ports are those the test looks for.
set -eu

ip netns add west
ip netns add east
ip link add w0 netns west type veth peer name e0 netns east
ip -n west addr add 192.0.2.1/30 dev w0
ip -n east addr add 192.0.2.2/30 dev e0
ip -n west addr add 2001:db8::1/64 dev w0 nodad
ip -n east addr add 2001:db8::2/64 dev e0 nodad
ip -n west link set w0 up
ip -n east link set e0 up
ip netns exec east nft -f - <<'RULES'
table inet bianque {
    chain input {
        type filter hook input priority 0;
        tcp dport 4004 drop
    }
}
RULES

drop() {
    # The connection is to fail: that the peer refuses it, or says nothing, is the point.
    ip netns exec west timeout 3 bash -c "echo drop > /dev/$1/$2/$3" 2>/dev/null || true
}
# The addresses answer once each has been resolved.
ip netns exec west ping -c 1 -W 5 192.0.2.2
ip netns exec west ping -6 -c 1 -W 5 2001:db8::2

drop tcp 192.0.2.2 4001
drop udp 192.0.2.2 4002
drop tcp 2001:db8::2 4003
drop tcp 192.0.2.2 4004
drop udp 2001:db8::2 4005
