# Records the drops of drops.sh with the real agent, once through each event channel.
set -eu
export JAVA_HOME=/jre

await() {
    for _ in $(seq 300); do
        if "$@"; then return 0; fi
        usleep 100000
    done
    echo "gave up waiting: $*"
    return 1
}

sha256sum /agent/probes/dropwatch.bpf.o | cut -d' ' -f1 > /results/object.sha256
bash /namespaces.sh
for channel in ringbuf perf; do
    BIANQUE_AGENT_EVENTS__CHANNEL=$channel BIANQUE_AGENT_STATE_DIR=/tmp/state \
        /agent/bin/bianque-agent --record /results/$channel.avro > /results/$channel.log 2>&1 &
    agent=$!
    await grep -q 'probe dropwatch: Attached' /results/$channel.log
    bash /drops.sh
    kill -TERM "$agent"
    wait "$agent" || true
    cat /results/$channel.log
done
cat /proc/kallsyms > /results/kallsyms
