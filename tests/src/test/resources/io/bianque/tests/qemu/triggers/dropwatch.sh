# Drops packets of five kinds between the namespaces. Addresses and ports are those the expectation looks for.
# needs program ip nft
# needs module veth nf_tables
set -eu
. /lib.sh

drop() {
    # The connection is to fail: that the peer refuses it, or says nothing, is the point.
    in_west timeout 3 bash -c "echo drop > /dev/$1/$2/$3" 2>/dev/null || true
}
trap 'in_east nft delete table inet bianque' EXIT
in_east nft -f - <<'RULES'
table inet bianque {
    chain input {
        type filter hook input priority 0;
        tcp dport 4004 drop
    }
}
RULES
drop tcp 192.0.2.2 4001
drop udp 192.0.2.2 4002
drop tcp 2001:db8::2 4003
drop tcp 192.0.2.2 4004
drop udp 2001:db8::2 4005
