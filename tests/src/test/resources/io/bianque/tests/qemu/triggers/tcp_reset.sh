# RSTs of both directions, and an accept queue that is full. Ports are those the expectation looks for.
# needs program ip nft
# needs module veth nf_tables nft_counter
# needs native deaf
# limit 80 s
set -eu
. /lib.sh

children=
cleanup() {
    # shellcheck disable=SC2086 # a list of numbers
    kill $children 2>/dev/null || true
    in_east nft delete table inet bianque 2>/dev/null || true
}
trap cleanup EXIT

listens() { in_east netstat -ltn | grep -q ":$1 "; }
connect() {
    in_west bash -c "exec 3<> /dev/tcp/$1/$2; exec cat <&3 > /dev/null" 2>/dev/null &
    children="$children $!"
}
connections() { [ "$(in_west netstat -tn | grep -c "$1 *ESTABLISHED")" -ge "$2" ]; }

# Nobody listens.
for address in 192.0.2.2 2001:db8::2; do
    in_west timeout 3 bash -c ": > /dev/tcp/$address/4201" 2>/dev/null || true
done

# West closes and has not read all: a RST from its program.
in_east nc -l -p 4202 < /dev/zero > /dev/null 2>&1 &
children="$children $!"
await listens 4202
in_west bash -c 'exec 3<> /dev/tcp/192.0.2.2/4202; head -c 1 <&3 > /dev/null'

# A client's ACKs get lost until three others have the places.
in_east deaf 4203 &
children="$children $!"
await listens 4203
rule east input "meta nfproto ipv4 tcp dport 4203 tcp flags & (syn | ack) == ack counter drop"
connect 192.0.2.2 4203
await counted east 1
for count in 1 2 3; do
    connect 2001:db8::2 4203
    await connections 2001:db8::2:4203 "$count"
done
# It comes again when the SYN-ACK does.
rule east input "meta nfproto ipv4 tcp dport 4203 tcp flags & (syn | ack) == ack counter"
await counted east 1
# One more finds no place for its SYN.
rule east input "meta nfproto ipv4 tcp dport 4203 tcp flags & (syn | ack) == syn counter"
connect 192.0.2.2 4203
await counted east 1
