# Drops packets of five kinds between the namespaces. Addresses and ports are those the test looks for.
set -eu

drop() {
    # The connection is to fail: that the peer refuses it, or says nothing, is the point.
    ip netns exec west timeout 3 bash -c "echo drop > /dev/$1/$2/$3" 2>/dev/null || true
}
drop tcp 192.0.2.2 4001
drop udp 192.0.2.2 4002
drop tcp 2001:db8::2 4003
drop tcp 192.0.2.2 4004
drop udp 2001:db8::2 4005
