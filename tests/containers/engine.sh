# Lends the container tests an engine: one that answers already, else Debian's podman on a socket of its own.
# Sourced by ../../bianque, which has set BIANQUE_DATA and JAVA_HOME; engine_up exports what Testcontainers needs, engine_down takes back
# everything that was changed on this machine. Both say what they do; engine_up fails with the reason when no engine can be had.
#
# Podman on a machine like a small virtual one needs help in three places:
#   runc instead of crun, which refuses a hybrid cgroup tree ("cgroups in hybrid mode not supported");
#   ulimits below the host's hard limits: without CAP_SYS_RESOURCE they cannot be raised ("setrlimit RLIMIT_NOFILE: Operation not permitted");
#   images from here: where no registry can be reached, they are made of the JDK and of the servers that ./bianque build fetched.

ENGINE_STATE=$BIANQUE_DATA/containers
ENGINE_BASE=localhost/bianque/base:local
ENGINE_STARTED=no

engine_up() {
  if engine_answers "${DOCKER_HOST:-unix:///var/run/docker.sock}"; then
    echo "Containers: the engine at ${DOCKER_HOST:-/var/run/docker.sock} answers."
    return 0
  fi
  if ! command -v podman >/dev/null || ! command -v runc >/dev/null; then
    echo "Containers: no engine answers, and podman and runc are not installed."
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    echo "Containers: no engine answers, and starting podman here needs root."
    return 1
  fi
  mkdir -p "$ENGINE_STATE"
  ENGINE_STARTED=yes
  cat /proc/sys/net/ipv4/ip_forward >"$ENGINE_STATE/ip_forward"
  nft list tables >"$ENGINE_STATE/tables" 2>/dev/null || true
  iptables-save 2>/dev/null | grep -c NETAVARK >"$ENGINE_STATE/chains" || true
  engine_configure
  if ! engine_images || ! engine_serve; then
    echo "Containers: podman does not work here, see $ENGINE_STATE/engine.log"
    return 1
  fi
  export DOCKER_HOST=unix://$ENGINE_STATE/engine.sock
  export BIANQUE_IMAGE_BROKER=localhost/bianque/broker:local
  export BIANQUE_IMAGE_REGISTRY=localhost/bianque/registry:local
  export BIANQUE_IMAGE_SEARCH=localhost/bianque/search:local
  # Ryuk's image cannot be had either; engine_down does its work. Without the override Testcontainers believes to run in a container.
  export TESTCONTAINERS_RYUK_DISABLED=true TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
  echo "Containers: podman $(podman --version | awk '{print $3}') on $DOCKER_HOST"
}

# Whether a Docker API answers at that address.
engine_answers() {
  local socket=${1#unix://}
  [ -S "$socket" ] && command -v curl >/dev/null && curl -sf -m 5 --unix-socket "$socket" http://engine/_ping >/dev/null
}

engine_configure() {
  export CONTAINERS_CONF=$ENGINE_STATE/containers.conf CONTAINERS_STORAGE_CONF=$ENGINE_STATE/storage.conf
  local files
  files=$(ulimit -Hn)
  [ "$files" != unlimited ] || files=1048576
  cat >"$CONTAINERS_CONF" <<CONF
[containers]
default_ulimits = ["nofile=$files:$files", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "$ENGINE_STATE/networks"
CONF
  cat >"$CONTAINERS_STORAGE_CONF" <<CONF
[storage]
driver = "overlay"
graphroot = "$ENGINE_STATE/storage"
runroot = "$ENGINE_STATE/run"
CONF
}

# The servers' images. To whoever starts them they are what is published under apache/kafka, apicurio/apicurio-registry and
# elasticsearch/elasticsearch: the same ports and the same variables.
engine_images() {
  podman image exists "$ENGINE_BASE" 2>>"$ENGINE_STATE/engine.log" && return 0
  echo "Containers: making images of the JDK and the servers …"
  engine_base &&
    engine_image broker <<IMAGE &&
FROM $ENGINE_BASE
COPY kafka/lib /opt/kafka/lib
CMD ["/etc/kafka/docker/run"]
IMAGE
    engine_image registry <<IMAGE &&
FROM $ENGINE_BASE
COPY registry/home /deployments
CMD ["java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dquarkus.http.host=0.0.0.0", "-jar", "/deployments/quarkus-run.jar"]
USER 1000
IMAGE
    engine_image search <<IMAGE
FROM $ENGINE_BASE
COPY --chown=1000:0 search/home /usr/share/elasticsearch
ENV ES_JAVA_HOME=/opt/java
CMD ["/usr/local/bin/search-run"]
USER 1000
IMAGE
}

# engine_image NAME: from a Containerfile on standard input, whose paths are below the servers' folder.
engine_image() {
  podman build -q --pull=never --tag "localhost/bianque/$1:local" -f - "$BIANQUE_SERVERS" >>"$ENGINE_STATE/engine.log" 2>&1
}

# What all of them stand on: a shell, a few programs and the JDK.
engine_base() {
  local root=$ENGINE_STATE/root program library
  rm -rf "$root"
  mkdir -p "$root"/{bin,etc/kafka/docker,opt/kafka,tmp,root,var/lib/kafka,usr/bin,usr/local/bin}
  for program in bash basename cat chmod dirname env expr ls mkdir rm sed sleep sort tr uname; do
    cp -L "$(command -v "$program")" "$root/bin/$program"
  done
  ln -s bash "$root/bin/sh"
  ln -s ../../bin/env "$root/usr/bin/env"
  # Whole, as a JDK without jmods cannot link all of its modules, and Elasticsearch asks for them.
  mkdir "$root/opt/java"
  tar -C "$JAVA_HOME" -h -c --exclude=./jmods --exclude=./lib/src.zip --exclude=./man . | tar -C "$root/opt/java" -x
  # Everything that these programs and the JVM are linked with, at the same paths.
  find "$root/bin" "$root/opt/java" -type f \( -perm -100 -o -name '*.so' \) -exec ldd {} + 2>/dev/null |
    awk '$2 == "=>" && $3 ~ "^/" { print $3 } $1 ~ "^/" && $1 !~ ":$" { print $1 }' | grep -v "^$root" | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
  cp "$CHECKOUT/standalone/src/main/resources/io/bianque/standalone/logback.xml" "$root/opt/kafka/logback.xml"
  cp "$CHECKOUT/tests/containers/kafka-run.sh" "$root/etc/kafka/docker/run"
  cp "$CHECKOUT/tests/containers/search-run.sh" "$root/usr/local/bin/search-run"
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'server:x:1000:0:server:/tmp:/bin/sh' >"$root/etc/passwd"
  chmod 1777 "$root/tmp"
  chmod 755 "$root/etc/kafka/docker/run" "$root/usr/local/bin/search-run"
  tar -C "$root" -c . | podman import -q --change 'ENV PATH=/opt/java/bin:/bin:/usr/bin' \
    - "$ENGINE_BASE" >>"$ENGINE_STATE/engine.log" 2>&1 || return 1
  rm -rf "$root"
}

engine_serve() {
  local turn
  podman system service --time=0 "unix://$ENGINE_STATE/engine.sock" >>"$ENGINE_STATE/engine.log" 2>&1 &
  ENGINE_PID=$!
  for turn in $(seq 100); do
    if engine_answers "unix://$ENGINE_STATE/engine.sock"; then return 0; fi
    kill -0 "$ENGINE_PID" 2>/dev/null || return 1
    sleep 0.1
  done
  echo "no answer after $turn turns" >>"$ENGINE_STATE/engine.log"
  return 1
}

engine_down() {
  [ "$ENGINE_STARTED" = yes ] || return 0
  echo "Containers: taking the engine down."
  podman rm --all --force --time 2 >>"$ENGINE_STATE/engine.log" 2>&1 || true
  if [ -n "${ENGINE_PID:-}" ]; then
    kill "$ENGINE_PID" 2>/dev/null || true
    wait "$ENGINE_PID" 2>/dev/null || true
  fi
  podman system reset --force >>"$ENGINE_STATE/engine.log" 2>&1 || true
  # Rootful podman leaves forwarding on, and chains that lead nowhere, in tables that were not there.
  cat "$ENGINE_STATE/ip_forward" >/proc/sys/net/ipv4/ip_forward 2>/dev/null || true
  [ "$(cat "$ENGINE_STATE/chains")" != 0 ] || engine_forget_chains
  umount "$ENGINE_STATE/storage/overlay" 2>/dev/null || true
  ENGINE_STARTED=no
}

# Rules that lead into podman's chains first, then the chains, then the tables that were not there, if nothing is left in them.
engine_forget_chains() {
  local table rule chain
  for table in filter nat; do
    iptables -t "$table" -S 2>/dev/null | grep -- '-A .*NETAVARK' | sed 's/^-A/-D/' | while read -r rule; do
      # shellcheck disable=SC2086 # a rule is words
      eval "iptables -t $table $rule" 2>/dev/null || true
    done
    iptables -t "$table" -S 2>/dev/null | sed -n 's/^-N \(NETAVARK[^ ]*\)/\1/p' | while read -r chain; do
      iptables -t "$table" -F "$chain" 2>/dev/null || true
    done
    iptables -t "$table" -S 2>/dev/null | sed -n 's/^-N \(NETAVARK[^ ]*\)/\1/p' | while read -r chain; do
      iptables -t "$table" -X "$chain" 2>/dev/null || true
    done
    if ! grep -qx "table ip $table" "$ENGINE_STATE/tables" && ! iptables -t "$table" -S 2>/dev/null | grep -q '^-[AN]'; then
      nft delete table ip "$table" 2>/dev/null || true
    fi
  done
}
