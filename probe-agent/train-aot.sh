#!/bin/sh
# Makes target/dist/agent.aot: the agent's classes, parsed and linked, for the JVM to map instead of load. It saves some
# 20 MB of resident memory and most of the start's CPU time; without it the agent works all the same.
#
# The rehearsal needs neither rights nor a broker: it runs the agent on nothing for some seconds, and has it load the
# classes in aot-classes.txt, which only a run with both would use. After larger changes make that list anew:
#
#   train-aot.sh list LOADED     LOADED: of a run with probes and a broker, for which
#                                BIANQUE_JAVA_OPTS="-XX:AOTMode=off -Xlog:class+load:file=LOADED"
set -eu
cd "$(dirname "$0")"
dist=$PWD/target/dist

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "${1:-}" = list ]; then
  # Not what the JDK loads for every program, nor what exists only in memory.
  sed -n 's/^\([a-z][^ ]*\).*/\1/p' "$JAVA_HOME/lib/classlist" | tr / . > "$work/everywhere"
  sed -n 's/.*\[class,load\] \([^ ]*\) source: \(jrt\|file\):.*/\1/p' "$2" |
    grep -vE '0x|\$\$|LambdaForm|Proxy|BoundMethodHandle|Species_|^jdk\.(jfr|internal\.event)\.' |
    grep -vxFf "$work/everywhere" | sort -u > src/main/aot-classes.txt
  exit
fi

if [ -f "$dist/agent.aot" ] && [ -z "$(find "$dist/lib" -newer "$dist/agent.aot" -name '*.jar')" ]; then
  exit 0
fi
rm -f "$dist/agent.aot"
if BIANQUE_AOT_TRAIN="$work/agent.aot" \
  BIANQUE_JAVA_OPTS="-Dbianque.rehearse=$PWD/src/main/aot-classes.txt -Xlog:aot=off -Xlog:cds=off -XX:-AOTRecordTraining" \
  BIANQUE_AGENT_PROBE_FOLDERS="$work/none" BIANQUE_AGENT_STATE_DIR="$work/state" BIANQUE_AGENT_HTTP__PORT=0 \
  BIANQUE_AGENT_KAFKA__BOOTSTRAP_SERVERS=127.0.0.1:1 BIANQUE_AGENT_REGISTRY__URL=http://127.0.0.1:1 \
  BIANQUE_AGENT_INTERVALS__STOP=0s \
  "$dist/bin/bianque-agent" --config "$dist/agent.yaml" > "$work/log" 2>&1 && [ -s "$work/agent.aot" ]; then
  mv "$work/agent.aot" "$dist/agent.aot"
  # Pages that are not on the disk yet cannot leave the page cache, which the agent asks for: OwnMemory.
  sync "$dist/agent.aot"
else
  echo "no AOT cache: the agent will start slower and need more memory; the rehearsal said:" >&2
  tail -n 5 "$work/log" >&2
fi
