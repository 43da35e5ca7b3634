#!/usr/bin/env bash
# Redan on this machine from one command: a primary, two replicas and three sentinels on loopback.
set -u

usage() {
  cat <<'TXT'
deploy/quickstart.sh [options]     builds Redan and starts a primary, two replicas and three sentinels

  --status          what runs
  --stop            ends what was started here, nothing else; the data stays
  --port-base N     data nodes on N, N+1, N+2 and sentinels 20000 above (default 6379, or $REDAN_PORT_BASE)
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
action=start
install=yes
while [ $# -gt 0 ]; do
  case $1 in
    --status | --stop) action=${1#--} ;;
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
sentinel_layout() {
  local p=$port_base s=$((port_base + 20000))
  printf '%s\n' "primary server $p -" "replica-1 server $((p + 1)) $p" "replica-2 server $((p + 2)) $p" \
    "sentinel-1 sentinel $s $p" "sentinel-2 sentinel $((s + 1)) $p" "sentinel-3 sentinel $((s + 2)) $p"
}

configuration() { # configuration PROGRAM PORT PRIMARY FOLDER
  printf 'port %s\nbind 127.0.0.1\ndir "%s"\n' "$2" "$4"
  case $1 in
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
  fi
  setsid "$bin/redan-$2" "$folder/redan.conf" >> "$folder/log" 2>&1 < /dev/null &
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
  done < <(sentinel_layout)
  [ "$running" -gt 0 ]
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
  done < <(sentinel_layout | tac) # Sentinels first, so that they do not fail over what is being stopped.
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

# The port bases that were started here, for --status and --stop without --port-base.
started_bases() {
  local folder
  for folder in "$home"/[0-9]*; do
    [ -d "$folder/primary" ] && basename "$folder"
  done
}

choose_base() { # choose_base N: whose nodes the functions above speak of
  port_base=$1
  nodes=$home/$port_base
}

if [ -n "$port_base" ] || [ "$action" = start ]; then
  bases=${port_base:-6379}
else
  bases=$(started_bases)
fi
for base in $bases; do
  case $base in
    *[!0-9]*) fail "--port-base must be a number, not '$base'" ;;
  esac
  if [ "$base" -lt 1 ] || [ "$base" -gt 35000 ]; then
    fail "--port-base must be between 1 and 35000" "sentinels listen 20000 above it, their bus 10000 above that"
  fi
done

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
    bin=${REDAN_BIN:-$top/build/release/bin}
    # shellcheck disable=SC2086
    [ "$install" = no ] || install_packages $QUICKSTART_PACKAGES
    command -v redis-cli >/dev/null ||
      fail "redis-cli is missing" "apt-get install redis-tools, or run without --no-install"
    [ -n "${REDAN_BIN:-}" ] || build_redan "$top" redan-server redan-sentinel clusterctl
    for program in server sentinel; do
      [ -x "$bin/redan-$program" ] || fail "$bin/redan-$program is missing" "build it, or correct REDAN_BIN"
    done
    while read -r name program port primary; do
      start_node "$name" "$program" "$port" "$primary"
    done < <(sentinel_layout)
    wait_acquainted
    echo
    show_status
    show_advice
    ;;
esac
