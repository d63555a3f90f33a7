# A task wants the CPU that a real-time task has for half a second.
# needs program chrt
set -eu

cd "$(mktemp -d)"
ln -s /bin/bash waits
ln -s /bin/bash hogs
taskset 2 ./waits -c 'while :; do :; done' &
trap 'kill %1' EXIT
taskset 1 timeout 0.5 taskset 2 chrt -f 1 ./hogs -c 'while :; do :; done' || echo "ended: $?"
