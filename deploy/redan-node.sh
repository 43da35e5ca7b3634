#!/bin/sh
# redan-node ROLE [directives]: what a container of docker-compose.yml runs. ROLE is
#   server     a data node; REDAN_REPLICA_OF=HOST makes it a replica at its first start
#   sentinel   watches REDAN_MONITOR=HOST
#   cluster-node  a data node of a cluster, which clusterctl makes
#   health     says whether the node in this container answers (for health checks)
# The first start writes the configuration into /data; from then on it belongs to the node, which
# rewrites it when its role changes.
set -eu

data=${REDAN_DATA:-/data}
name=${REDAN_NAME:-$(hostname)}
group=${REDAN_GROUP:-redan}
password=${REDAN_PASSWORD:-}

ask() { # ask HOST PORT command...: one reply, or nothing when nobody answers
  host=$1 port=$2
  shift 2
  REDISCLI_AUTH=$password timeout 2 redis-cli --no-auth-warning -h "$host" -p "$port" "$@" 2>/dev/null || :
}

data_node_configuration() {
  echo "port 6379"
  echo "bind * -::*"
  echo "protected-mode no" # The network of the compose file is private; ports are published on loopback only.
  echo "dir $data"
  echo "repl-diskless-sync-delay 0"
  echo "save 3600 1 300 100 60 10000"
  [ -z "$password" ] || printf 'requirepass "%s"\nmasterauth "%s"\n' "$password" "$password"
}

write_server_configuration() {
  {
    data_node_configuration
    echo "replica-announce-ip $name"
    [ -z "${REDAN_REPLICA_OF:-}" ] || echo "replicaof $REDAN_REPLICA_OF 6379"
  } > "$1.new"
  mv "$1.new" "$1"
}

# Clients are redirected to names, which outlive the containers' addresses.
write_cluster_configuration() {
  {
    data_node_configuration
    echo "cluster-enabled yes"
    echo "cluster-config-file nodes.conf"
    echo "cluster-node-timeout ${REDAN_NODE_TIMEOUT_MS:-5000}"
    echo "cluster-announce-hostname $name"
    echo "cluster-preferred-endpoint-type hostname"
  } > "$1.new"
  mv "$1.new" "$1"
}

write_sentinel_configuration() {
  {
    echo "port 26379"
    echo "bind * -::*"
    echo "protected-mode no"
    echo "dir $data"
    echo "sentinel resolve-hostnames yes"
    echo "sentinel announce-hostnames yes"
    echo "sentinel announce-ip $name"
    echo "sentinel monitor $group ${REDAN_MONITOR:?REDAN_MONITOR must name the primary} 6379 ${REDAN_QUORUM:-2}"
    echo "sentinel down-after-milliseconds $group ${REDAN_DOWN_AFTER_MS:-1000}"
    echo "sentinel failover-timeout $group ${REDAN_FAILOVER_TIMEOUT_MS:-20000}"
    echo "sentinel parallel-syncs $group 2"
    [ -z "$password" ] || printf 'sentinel auth-pass %s "%s"\n' "$group" "$password"
  } > "$1.new"
  mv "$1.new" "$1"
}

named_primary() { # whom the first sentinel that answers calls the primary
  for sentinel in ${REDAN_SENTINELS:-}; do
    found=$(ask "$sentinel" 26379 sentinel get-master-addr-by-name "$group" | head -n 1)
    case $found in
      "" | *ERR* | *NOAUTH*) ;;
      *) echo "$found"; return ;;
    esac
  done
}

# A primary that crashed comes back with what its last snapshot held, perhaps nothing. If it served at once, its
# replicas would copy that. So it first asks the sentinels and gives them time to promote a replica.
rejoin() {
  configuration=$1
  grep -q '^replicaof ' "$configuration" && return
  left=${REDAN_HOLD_BACK_S:-6}
  while [ "$left" -gt 0 ]; do
    found=$(named_primary)
    if [ -n "$found" ] && [ "$found" != "$name" ]; then
      echo "redan-node: $found is the primary now; starting as its replica"
      echo "replicaof $found 6379" >> "$configuration"
      return
    fi
    [ -n "$found" ] || break # No sentinel answers: nobody else can have become primary.
    sleep 1
    left=$((left - 1))
  done
}

# The same in a cluster, where its own replicas know whether one of them has taken over: then it owns no slots in
# their eyes.
wait_for_heir() {
  [ -s "$data/nodes.conf" ] || return 0
  me=$(awk '$3 ~ /myself/ && $3 ~ /master/ && NF > 8 { print $1 }' "$data/nodes.conf")
  [ -n "$me" ] || return 0
  replicas=$(awk -v me="$me" '$4 == me { split($2, part, ","); split(part[1], at, ":")
                                         print part[2] == "" ? at[1] : part[2] }' "$data/nodes.conf")
  left=${REDAN_HOLD_BACK_S:-6}
  while [ "$left" -gt 0 ]; do
    answered=no
    for replica in $replicas; do
      slots=$(ask "$replica" 6379 cluster nodes | awk -v me="$me" '$1 == me { print NF - 8 }')
      case $slots in
        "") ;;
        0)
          echo "redan-node: a replica has taken over"
          return
          ;;
        *) answered=yes ;;
      esac
    done
    [ "$answered" = yes ] || return 0 # No replica is there that could.
    sleep 1
    left=$((left - 1))
  done
}

role=${1:-server}
[ $# -eq 0 ] || shift
case $role in
  server)
    configuration=$data/redan.conf
    if [ -e "$configuration" ]; then
      rejoin "$configuration"
    else
      write_server_configuration "$configuration"
    fi
    exec redan-server "$configuration" "$@"
    ;;
  cluster-node)
    configuration=$data/redan.conf
    if [ -e "$configuration" ]; then
      wait_for_heir
    else
      write_cluster_configuration "$configuration"
    fi
    exec redan-server "$configuration" "$@"
    ;;
  sentinel)
    configuration=$data/sentinel.conf
    [ -e "$configuration" ] || write_sentinel_configuration "$configuration"
    exec redan-sentinel "$configuration" "$@"
    ;;
  health)
    if [ -e "$data/sentinel.conf" ]; then
      password=
      answer=$(ask 127.0.0.1 26379 ping)
    else
      answer=$(ask 127.0.0.1 6379 ping)
    fi
    [ "$answer" = PONG ]
    ;;
  *)
    echo "redan-node: '$role' is no role; use server, cluster-node, sentinel or health" >&2
    exit 2
    ;;
esac
