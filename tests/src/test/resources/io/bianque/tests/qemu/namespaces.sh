# Two namespaces joined by veth, with addresses of both families.
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
# They answer once each has been resolved.
ip netns exec west ping -c 1 -W 5 192.0.2.2
ip netns exec west ping -6 -c 1 -W 5 2001:db8::2
