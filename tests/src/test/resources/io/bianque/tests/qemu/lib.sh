# For guest.sh and the triggers.

# await COMMAND…: until it succeeds, $patience tenths of a second at most: 60 s, and more where each takes longer.
patience=600
await() {
    for _ in $(seq $patience); do
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

# rule NAMESPACE HOOK RULE…: the only ones there, of which one counts. Needs nft, nf_tables, nft_counter.
rule() {
    ip netns exec "$1" nft -f - <<RULES
table inet bianque
delete table inet bianque
table inet bianque {
    chain test {
        type filter hook $2 priority 0;
        $3
        ${4:-}
    }
}
RULES
}

# counted NAMESPACE PACKETS: whether that rule has met as many. What the kernel counts for all of a namespace is no
# answer: connections that came before have their timers still.
counted() { [ "$(ip netns exec "$1" nft list table inet bianque | sed -n 's/.*counter packets \([0-9]*\).*/\1/p')" -ge "$2" ]; }
