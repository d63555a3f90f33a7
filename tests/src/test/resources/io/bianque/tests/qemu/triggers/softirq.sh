# A packet is received and a timer fires: there is no kernel without either.
# needs program ip
# needs module veth
set -eu
. /lib.sh

in_west ping -c 1 -W 5 192.0.2.2
