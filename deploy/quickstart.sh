#!/usr/bin/env bash
# Redan on this machine from one command, on loopback: a primary, two replicas and three sentinels; or a cluster of
# three primaries and three replicas.
set -u

usage() {
  cat <<'TXT'
deploy/quickstart.sh [options]     builds Redan and starts a primary, two replicas and three sentinels

  --cluster         starts a cluster of six nodes instead: three primaries, each with a replica
  --add-node        starts one more node beside that cluster and says how it joins
  --status          what runs
  --stop            ends what was started here, nothing else; the data stays
  --port-base N     data nodes on N, N+1, N+2 and sentinels 20000 above (default 6379, or $REDAN_PORT_BASE);
                    of a cluster N to N+5, and the bus 10000 above (default 7000)
  --no-install      do not install packages
  --help            this text

Data, logs and configurations: $REDAN_HOME (default ~/.redan). Programs: built into build/release/bin, or taken
from $REDAN_BIN.
TXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/packages.sh
. "$top/deploy/packages.sh"
# shellcheck source=deploy/install.sh
. "$top/deploy/install.sh"

home=${REDAN_HOME:-$HOME/.redan}
port_base=${REDAN_PORT_BASE:-}
group=redan
kind=sentinel
action=start
install=yes
while [ $# -gt 0 ]; do
  case $1 in
    --status | --stop) action=${1#--} ;;
    --cluster) kind=cluster ;;
    --add-node)
      kind=cluster
      action=add-node
      ;;
    --port-base)
      [ $# -ge 2 ] || fail "--port-base needs a number"
      port_base=$2
      shift
      ;;
    --no-install) install=no ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) fail "unknown option $1" "--help lists the options" ;;
  esac
  shift
done

# A deployment is a list of nodes: name, program, port, port of the primary it starts from ("-": none).
layout() { "${kind}_layout"; }

# Six nodes, and those that were added.
cluster_layout() {
  local number=0
  while [ "$number" -lt 6 ] || [ -d "$nodes/node-$((number + 1))" ]; do
    number=$((number + 1))
    echo "node-$number cluster-server $((port_base + number - 1)) -"
  done
}

sentinel_layout() {
  local p=$port_base s=$((port_base + 20000))
  printf '%s\n' "primary server $p -" "replica-1 server $((p + 1)) $p" "replica-2 server $((p + 2)) $p" \
    "sentinel-1 sentinel $s $p" "sentinel-2 sentinel $((s + 1)) $p" "sentinel-3 sentinel $((s + 2)) $p"
}

configuration() { # configuration PROGRAM PORT PRIMARY FOLDER
  printf 'port %s\nbind 127.0.0.1\ndir "%s"\n' "$2" "$4"
  case $1 in
    cluster-server)
      echo "repl-diskless-sync-delay 0"
      echo "cluster-enabled yes"
      echo "cluster-config-file nodes.conf"
      echo "cluster-node-timeout 1000"
      ;;
    server)
      echo "repl-diskless-sync-delay 0"
      [ "$3" = - ] || echo "replicaof 127.0.0.1 $3"
      ;;
    sentinel)
      echo "sentinel monitor $group 127.0.0.1 $3 2"
      echo "sentinel down-after-milliseconds $group 1000"
      echo "sentinel failover-timeout $group 20000"
      ;;
  esac
}

# When a process started, in the kernel's ticks: with its pid it names one process for ever.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# The pid of a node that was started here and still runs; nothing otherwise, also when the pid was reused.
pid_of() {
  local pid started
  read -r pid started 2>/dev/null < "$nodes/$1/pid" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] &&
    ! grep -q '^State:.[ZX]' "/proc/$pid/status" 2>/dev/null && echo "$pid"
}

ask() { # ask PORT command...
  local port=$1
  shift
  timeout 3 redis-cli -p "$port" "$@" 2>/dev/null
}

port_is_used() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A primary that died comes back with the data of its last snapshot; if it served at once, its replicas would copy
# that. So the sentinels, if any runs, get time to name another primary, which it then follows.
rejoin() { # rejoin PORT CONFIGURATION
  local port=$1 configuration=$2 found name program sentinel
  ! grep -q '^replicaof ' "$configuration" || return 0
  for _ in $(seq 60); do
    found=
    while read -r name program sentinel _; do
      [ "$program" = sentinel ] && [ -n "$(pid_of "$name")" ] &&
        found=$(ask "$sentinel" sentinel get-master-addr-by-name "$group" | tail -n 1) && break
    done < <(sentinel_layout)
    [ -n "$found" ] || return 0
    if [ "$found" != "$port" ]; then
      echo "replicaof 127.0.0.1 $found" >> "$configuration"
      return 0
    fi
    sleep 0.1
  done
}

# The same in a cluster: until a replica of it has taken over, in whose eyes it then owns no slots.
wait_for_heir() { # wait_for_heir NODES_CONF
  local me replica replicas slots answered
  me=$(awk '$3 ~ /myself/ && $3 ~ /master/ && NF > 8 { print $1 }' "$1" 2>/dev/null)
  [ -n "$me" ] || return 0
  replicas=$(awk -v me="$me" '$4 == me { split($2, at, "[:@]"); print at[2] }' "$1")
  for _ in $(seq 60); do
    answered=no
    for replica in $replicas; do
      slots=$(ask "$replica" cluster nodes | awk -v me="$me" '$1 == me { print NF - 8 }')
      [ "$slots" != 0 ] || return 0
      [ -z "$slots" ] || answered=yes
    done
    [ "$answered" = yes ] || return 0
    sleep 0.1
  done
}

# Waits until every sentinel knows the replicas and the other sentinels.
wait_acquainted() {
  local name program port
  while read -r name program port _; do
    [ "$program" = sentinel ] || continue
    for _ in $(seq 200); do
      ask "$port" sentinel master "$group" | paste - - |
        awk '$1 == "num-slaves" { r = $2 } $1 == "num-other-sentinels" { s = $2 } END { exit !(r >= 2 && s >= 2) }' &&
        continue 2
      sleep 0.1
    done
    echo "note: $name does not know all the others yet; see $nodes/$name/log"
  done < <(sentinel_layout)
}

start_node() { # start_node NAME PROGRAM PORT PRIMARY
  local folder=$nodes/$1 pid
  for _ in $(seq 20); do # One that answers is fine; one that is just dying is awaited.
    [ -n "$(pid_of "$1")" ] || break
    [ "$(ask "$3" ping)" != PONG ] || return 0
    sleep 0.1
  done
  [ -z "$(pid_of "$1")" ] || return 0 # It lives but is silent; --status shows that.
  ! port_is_used "$3" ||
    fail "port $3 is in use, so $1 cannot start" \
      "see who has it:      ss -ltnp 'sport = :$3'" "or use other ports:  $0 --port-base 7379"
  mkdir -p "$folder" || fail "cannot write to $folder" "choose another folder with REDAN_HOME"
  if [ ! -e "$folder/redan.conf" ]; then
    configuration "$2" "$3" "$4" "$folder" > "$folder/redan.conf"
  elif [ "$2" = server ]; then
    rejoin "$3" "$folder/redan.conf"
  elif [ "$2" = cluster-server ]; then
    wait_for_heir "$folder/nodes.conf"
  fi
  setsid "$bin/redan-${2#cluster-}" "$folder/redan.conf" >> "$folder/log" 2>&1 < /dev/null &
  pid=$!
  echo "$pid $(start_time "$pid")" > "$folder/pid"
  for _ in $(seq 100); do
    [ "$(ask "$3" ping)" = PONG ] && return 0
    [ -n "$(pid_of "$1")" ] || break
    sleep 0.1
  done
  tail -n 12 "$folder/log" >&2
  fail "$1 did not start" "its log is above, whole in $folder/log"
}

show_status() {
  local name program port pid role format='%-11s %-9s %-16s %-8s %s\n' running=0
  # shellcheck disable=SC2059
  printf "$format" NODE ROLE ADDRESS PID LOG
  while read -r name program port _; do
    pid=$(pid_of "$name") || pid=
    role=stopped
    if [ -n "$pid" ]; then
      running=$((running + 1))
      role=$(ask "$port" role | head -n 1)
      case $role in
        master) role=primary ;;
        slave) role=replica ;;
        "") role=silent ;;
      esac
    fi
    # shellcheck disable=SC2059
    printf "$format" "$name" "$role" "127.0.0.1:$port" "${pid:--}" "$nodes/$name/log"
  done < <(layout)
  [ "$running" -gt 0 ]
}

show_cluster_advice() {
  local self="$0 --cluster" tool=$bin/clusterctl p=$port_base
  [ "$port_base" -eq 7000 ] || self="$self --port-base $port_base"
  cat <<TXT

Connect (-c follows redirects):
  redis-cli -c -p $p

From Python (apt-get install python3-redis), and likewise with any cluster client:
  from redis.cluster import RedisCluster
  RedisCluster(host="127.0.0.1", port=$p).set("greeting", "hello")

Try:
  redis-benchmark --cluster -p $p -t set -n 500000 -r 500000 -P 16 -q          # something to move
  $tool info 127.0.0.1:$p          # who has which slots
  $tool reshard 127.0.0.1:$p --from all --to 127.0.0.1:$p --slots 4096
  $self --add-node          # one more node, and how it joins
  kill -9 \$(redis-cli -p $p info server | grep process_id | cut -d: -f2 | tr -d '\r')
  $self --status          # its replica has taken over
  $self                   # starts the dead node again; it comes back as a replica
  $self --stop            # ends all of it
TXT
}

show_join_advice() { # show_join_advice PORT
  local tool=$bin/clusterctl
  cat <<TXT

Let it join, give it its share of the slots, and take it out again:
  $tool add-node 127.0.0.1:$1 127.0.0.1:$port_base
  $tool rebalance 127.0.0.1:$port_base --use-empty-primaries
  $tool rebalance 127.0.0.1:$port_base --weight 127.0.0.1:$1=0
  $tool del-node 127.0.0.1:$port_base 127.0.0.1:$1
TXT
}

show_advice() {
  local sentinel=$((port_base + 20000)) primary self=$0
  [ "$port_base" -eq 6379 ] || self="$0 --port-base $port_base"
  primary=$(ask "$sentinel" sentinel get-master-addr-by-name "$group" | tail -n 1)
  cat <<TXT

Connect:
  redis-cli -p ${primary:-$port_base}
  redis-cli -p $sentinel sentinel get-master-addr-by-name $group

From Python (apt-get install python3-redis), always to the primary of the moment:
  from redis.sentinel import Sentinel
  sentinel = Sentinel([("127.0.0.1", p) for p in ($sentinel, $((sentinel + 1)), $((sentinel + 2)))])
  sentinel.master_for("$group").set("greeting", "hello")

Try:
  redis-cli -p $sentinel psubscribe '*'          # watch the sentinels, then in another terminal:
  kill -9 \$(redis-cli -p ${primary:-$port_base} info server | grep process_id | cut -d: -f2 | tr -d '\r')
  $self --status          # a replica has taken over
  $self                   # starts the dead node again; it comes back as a replica
  $self --stop            # ends all of it
TXT
}

stop_nodes() {
  local name program port pid waiting=() stopped=0
  while read -r name program port _; do
    if pid=$(pid_of "$name") && [ -n "$pid" ]; then
      kill "$pid"
      waiting+=("$name")
    else
      rm -f "$nodes/$name/pid"
    fi
  done < <(layout | tac) # Sentinels first, so that they do not fail over what is being stopped.
  for name in ${waiting[@]+"${waiting[@]}"}; do
    for _ in $(seq 150); do
      pid=$(pid_of "$name") || pid=
      [ -n "$pid" ] || break
      sleep 0.1
    done
    pid=$(pid_of "$name") || pid=
    if [ -n "$pid" ]; then
      echo "$name (pid $pid) did not end within 15 s; killing it"
      kill -9 "$pid"
    fi
    rm -f "$nodes/$name/pid"
    stopped=$((stopped + 1))
  done
  echo "$stopped processes ended; data and logs stay in $nodes"
}

# The port bases at which nodes of this name were started here, for --status and --stop without --port-base.
started_bases() { # started_bases NAME
  local folder
  for folder in "$home"/[0-9]*; do
    [ -d "$folder/$1" ] && basename "$folder"
  done
}

start_all() {
  local name program port primary
  while read -r name program port primary; do
    start_node "$name" "$program" "$port" "$primary"
  done < <(layout)
}

# Where the cluster stands already, this only waits until it serves.
create_cluster() {
  local addresses
  addresses=$(cluster_layout | head -n 6 | awk '{ print "127.0.0.1:" $3 }')
  # shellcheck disable=SC2086
  "$bin/clusterctl" create $addresses --replicas 1 --yes > "$nodes/create.log" 2>&1 || {
    cat "$nodes/create.log" >&2
    fail "the nodes run, but the cluster was not made" "clusterctl's message is above; the same command goes on"
  }
}

# Whose nodes the functions above speak of. What was started at a base says itself what it is.
choose_base() { # choose_base N
  port_base=$1
  nodes=$home/$port_base
  if [ -d "$nodes/node-1" ]; then
    [ "$kind" = cluster ] || [ "$action" != start ] ||
      fail "at port base $port_base is a cluster" "start it with --cluster, or choose another --port-base"
    kind=cluster
  elif [ -d "$nodes/primary" ]; then
    [ "$kind" = sentinel ] || [ "$action" != start ] ||
      fail "at port base $port_base is a deployment with sentinels" "choose another --port-base"
    kind=sentinel
  fi
}

default_base=6379
highest_base=35000
[ "$kind" = sentinel ] || default_base=7000 highest_base=55000
case $action in
  stop | status)
    # --cluster names one kind, nothing names both.
    bases=${port_base:-$([ "$kind" = cluster ] || started_bases primary; started_bases node-1)}
    ;;
  *) bases=${port_base:-$default_base} ;;
esac
for base in $bases; do
  case $base in
    *[!0-9]*) fail "--port-base must be a number, not '$base'" ;;
  esac
  if [ "$base" -lt 1 ] || [ "$base" -gt "$highest_base" ]; then
    fail "--port-base must be between 1 and $highest_base" \
      "sentinels listen 20000 above it, the bus of sentinels and nodes 10000 above their ports"
  fi
done

prepare_programs() {
  local program
  bin=${REDAN_BIN:-$top/build/release/bin}
  # shellcheck disable=SC2086
  [ "$install" = no ] || install_packages $QUICKSTART_PACKAGES
  command -v redis-cli >/dev/null ||
    fail "redis-cli is missing" "apt-get install redis-tools, or run without --no-install"
  [ -n "${REDAN_BIN:-}" ] || build_redan "$top" redan-server redan-sentinel clusterctl
  for program in redan-server redan-sentinel clusterctl; do
    [ -x "$bin/$program" ] || fail "$bin/$program is missing" "build it, or correct REDAN_BIN"
  done
}

case $action in
  stop)
    [ -n "$bases" ] || echo "nothing was started here"
    for base in $bases; do
      choose_base "$base"
      stop_nodes
    done
    ;;
  status)
    running=no
    for base in $bases; do
      choose_base "$base"
      ! show_status || running=yes
    done
    [ "$running" = yes ] || fail "nothing runs" "start it with $0"
    ;;
  start)
    choose_base "$bases"
    prepare_programs
    start_all
    if [ "$kind" = cluster ]; then create_cluster; else wait_acquainted; fi
    echo
    show_status
    if [ "$kind" = cluster ]; then show_cluster_advice; else show_advice; fi
    ;;
  add-node)
    choose_base "$bases"
    [ -d "$nodes/node-1" ] || fail "no cluster was started at port base $port_base" "start it with $0 --cluster"
    prepare_programs
    read -r name program port primary < <(
      cluster_layout | tail -n 1 | awk '{ split($1, n, "-"); print "node-" n[2] + 1, $2, $3 + 1, $4 }')
    start_node "$name" "$program" "$port" "$primary"
    show_status
    show_join_advice "$port"
    ;;
esac
