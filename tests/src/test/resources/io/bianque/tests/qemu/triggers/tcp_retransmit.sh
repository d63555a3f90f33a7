# One retransmission of each kind from west, and a SYN-ACK from east. Ports are those the expectation looks for.
# needs program ip nft
# needs module veth nf_tables nft_limit nft_counter
# limit 120 s
set -eu
. /lib.sh

# The device may not put segments together: a rule would drop them all.
ip -n west link set w0 gso_max_segs 1
children=
cleanup() {
    # shellcheck disable=SC2086 # a list of numbers
    kill $children 2>/dev/null || true
    ip -n west link set w0 gso_max_segs 65535
    in_west sysctl -qw net.ipv4.tcp_early_retrans=3
    in_west nft delete table inet bianque 2>/dev/null || true
    in_east nft delete table inet bianque 2>/dev/null || true
    rm -f /tmp/silence /tmp/received-*
}
trap cleanup EXIT

# Nothing ever comes out of it, and no end.
mkfifo /tmp/silence
exec 9<> /tmp/silence

# serve PORT: takes one connection in east, says nothing, and writes down what it got.
serve() {
    in_east nc -l -p "$1" > "/tmp/received-$1" <&9 &
    children="$children $!"
    await listens "$1"
}
listens() { in_east netstat -ltn | grep -q ":$1 "; }
received() { [ "$(stat -c %s "/tmp/received-$1")" = "$2" ]; }

# send ADDRESS PORT BYTES: from west, and keeps the connection.
send() {
    in_west bash -c "exec 3<> /dev/tcp/$1/$2; head -c $3 /dev/zero >&3; exec cat <&3 > /dev/null" &
    children="$children $!"
}

# Nothing that carries data arrives: the segment, a probe, a timeout.
for target in 192.0.2.2/4101 2001:db8::2/4102; do
    port=${target#*/}
    serve "$port"
    rule east input "tcp dport $port meta length > 140 counter drop"
    send "${target%/*}" "$port" 100
    await counted east 3
done

# So much that not all is sent at first: what comes after the first ten segments is the probe, new data.
serve 4103
rule east input "tcp dport 4103 meta length > 140 counter drop"
send 192.0.2.2 4103 100000
await counted east 11

# One segment of many is lost.
serve 4104
rule east input "tcp dport 4104 meta length > 1000 limit rate 1/hour burst 1 packets drop"
send 192.0.2.2 4104 100000
await received 4104 100000

# Only the acknowledgement is lost. That of the repeated segment says that it was not needed, which makes it longer.
in_west sysctl -qw net.ipv4.tcp_early_retrans=0
serve 4105
in_east nft delete table inet bianque
rule east output "tcp sport 4105 meta length < 60 tcp flags & (syn | ack) == ack limit rate 1/hour burst 2 packets drop" \
    "tcp sport 4105 meta length > 60 counter"
send 192.0.2.2 4105 100
await counted east 1

# The answer to a SYN does not arrive; a SYN comes again too.
serve 4106
rule west input "tcp sport 4106 counter drop"
in_west timeout 60 bash -c ': > /dev/tcp/192.0.2.2/4106' 2>/dev/null &
children="$children $!"
await counted west 3
