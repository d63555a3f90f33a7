# For guest.sh and the triggers.

# await COMMAND…: until it succeeds, 60 s at most.
await() {
    for _ in $(seq 600); do
        if "$@"; then return 0; fi
        usleep 100000
    done
    echo "gave up waiting: $*"
    return 1
}

# skip REASON…: this kernel or machine cannot do what the trigger needs. Ends the trigger.
skip() {
    echo "skip: $*"
    exit 0
}

# in_west COMMAND…, in_east COMMAND…: in one of two namespaces joined by veth w0-e0, see namespaces.sh.
in_west() { ip netns exec west "$@"; }
in_east() { ip netns exec east "$@"; }
