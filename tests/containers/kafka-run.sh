#!/bin/bash
# Starts the broker in the container as apache/kafka's own image does: KAFKA_NODE_ID=1 becomes node.id=1.
set -eu

config=/opt/kafka/server.properties
env | sed -n 's/^KAFKA_\([A-Z0-9_]*\)=\(.*\)/\1 \2/p' | sort | while read -r name value; do
  case $name in
    HEAP_OPTS | OPTS | JVM_PERFORMANCE_OPTS | LOG4J_OPTS) ;;
    *) echo "$(echo "$name" | tr 'A-Z_' 'a-z.')=$value" ;;
  esac
done >$config

java=(java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlogback.configurationFile=/opt/kafka/logback.xml -cp '/opt/kafka/lib/*')
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted -t "${CLUSTER_ID:-4L6g3nShT-eMCtK--X86sw}" -c $config
exec "${java[@]}" kafka.Kafka $config
