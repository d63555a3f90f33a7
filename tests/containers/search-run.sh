#!/bin/bash
# Starts the search server in the container as Elastic's own image does: a variable whose name has a dot is a setting.
set -eu

settings=(-Enetwork.host=0.0.0.0)
while IFS= read -r variable; do
  if [[ $variable =~ ^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+= ]]; then settings+=("-E$variable"); fi
done <<<"$(env)"
exec /usr/share/elasticsearch/bin/elasticsearch "${settings[@]}"
