# Records with all probes while their triggers run, then with dropwatch through the other event channel.
set -eu
export JAVA_HOME=/jre
. /lib.sh

# No trigger's shortage of memory is to end what watches it.
echo -1000 > /proc/self/oom_score_adj

# start_agent CHANNEL PROBES: records to /results/CHANNEL.avro what the probes in that folder see.
start_agent() {
    # perf runs on request only; seldom enough to leave the emulator time for the others.
    BIANQUE_AGENT_PROBES__PERF__ENABLED=true BIANQUE_AGENT_PROBES__PERF__SAMPLE_HZ=7 \
    BIANQUE_AGENT_EVENTS__CHANNEL=$1 BIANQUE_AGENT_PROBE_FOLDERS=$2 BIANQUE_AGENT_STATE_DIR=/tmp/state-$1 \
        /agent/bin/bianque-agent --record "/results/$1.avro" > "/results/$1.log" 2>&1 &
    agent=$!
    # Loading every program takes half a minute under emulation, and several times that on a busy machine.
    patience=3000
    await grep -q ' probe .*: ' "/results/$1.log" || {
        kill -QUIT "$agent" # its threads' stacks
        sleep 2
        cat "/results/$1.log"
        return 1
    }
    patience=600
}

stop_agent() {
    kill -TERM "$agent"
    wait "$agent" || true
}

# trigger PROBE SECONDS
trigger() {
    mkdir -p "/results/triggers/$1"
    echo 0 > /proc/self/oom_score_adj
    status=0
    timeout -k 5 "$2" bash /triggers/"$1".sh > "/results/triggers/$1/output" 2>&1 || status=$?
    echo "$status" > "/results/triggers/$1/status"
    echo -1000 > /proc/self/oom_score_adj
    echo "$(cut -d' ' -f1 /proc/uptime) $1 triggered: $status"
}

say() { echo "$(cut -d' ' -f1 /proc/uptime) $*"; }

find /agent/probes -name '*.bpf.o' -exec sha256sum {} + > /results/objects.sha256
bash /namespaces.sh
say symbols
cat /proc/kallsyms > /results/kallsyms
say doctor
/agent/bin/bianque-agent doctor --output json > /results/doctor.json 2> /results/doctor.log || true
say agent
start_agent ringbuf /agent/probes
say recording
while read -r probe seconds; do
    trigger "$probe" "$seconds"
done < /triggers/order
stop_agent
if [ -e /triggers/dropwatch.sh ]; then
    say the other channel
    # Symbols are half of an agent's start here, and the first recording has them.
    echo 2 > /proc/sys/kernel/kptr_restrict
    mkdir /tmp/dropwatch
    cp /agent/probes/dropwatch.* /tmp/dropwatch
    start_agent perf /tmp/dropwatch
    bash /triggers/dropwatch.sh
    stop_agent
fi
say done
