# Packets that lie in their sockets for 300 ms before they are read. Ports are those the expectation looks for.
# needs program ip
# needs module veth
# needs native late
set -eu
. /lib.sh

listens() { in_east netstat -ln "-${1:0:1}" | grep -q ":$2 "; }

# send PROTOCOL ADDRESS PORT: ends when it has been read.
send() {
    in_east late "$1" "$3" 300 &
    await listens "$1" "$3"
    in_west bash -c "echo late > /dev/$1/$2/$3"
    wait $!
}
send tcp 192.0.2.2 4301
send tcp 2001:db8::2 4302
send udp 192.0.2.2 4303
send udp 2001:db8::2 4304
