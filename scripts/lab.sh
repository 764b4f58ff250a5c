#!/usr/bin/env bash
# A lab: many Docker hosts on one machine, each with its own address, engine, containers and published ports.
#
#   lab.sh up N              makes hosts h1..hN well: new ones start, dead ones start again, healthy ones stay as they are
#   lab.sh load IMAGE...     copies images of this machine's own engine to every host
#   lab.sh down              removes the hosts, their containers and all that belongs to them
#   lab.sh kill|start HOST   the engine of HOST dies as in a crash (its containers run on); starts again
#   lab.sh hang|wake HOST    the engine of HOST accepts connections and answers nothing; goes on
#   lab.sh cut|heal HOST     pulls the network cable of HOST; undoes cut, deaf, loss and rate
#   lab.sh deaf HOST         HOST hears nothing, and still sends
#   lab.sh loss HOST PERCENT, lab.sh rate HOST RATE    loses packets, limits the bandwidth (RATE as in tc: 1mbit)
#   lab.sh in lab|HOST COMMAND...    runs COMMAND in the network of the lab (address NET.1), or of HOST, as whoever calls
#
# HOST is h1, h2, ...; host hN answers at unix://$DEBLOX_LAB/hN/docker.sock from everywhere on this machine, and at
# tcp://NET.$((10+N)):2375 inside the lab. Each host is a network namespace, in which a dockerd and a containerd run;
# engines that share one namespace would take away each other's bridges and iptables rules. No route leads out.
# Several labs stand side by side when each has its own DEBLOX_LAB and DEBLOX_LAB_NET.
set -euo pipefail
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
lab=${DEBLOX_LAB:-/tmp/deblox-lab}         # folder of everything the lab keeps
prefix=$(basename "$lab")                  # of the namespaces' names: deblox-lab-h1
net=${DEBLOX_LAB_NET:-10.77.0}             # addresses: the first three numbers
lab_ns=$prefix-switch                      # where all cables end

usage() { sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2; }
fail() { echo "lab: $*" >&2; exit 1; }
has_ns() { [ -e "/run/netns/$1" ]; }
in_ns() { nsenter --net="/run/netns/$1" "${@:2}"; }    # not 'ip netns exec', which hides /sys/fs/cgroup from dockerd
hosts() { local d; for d in "$lab"/h*; do [ ! -d "$d" ] || basename "$d"; done; }
docker_of() { local host=$1; shift; timeout "${patience:-60}" docker -H "unix://$lab/$host/docker.sock" "$@"; }
answers() { patience=5 docker_of "$1" version >/dev/null 2>&1; }
address() { echo "$net.$((10 + ${1#h}))"; }
known() { [[ ${1:-} =~ ^h[0-9]+$ && -d $lab/$1 ]] || fail "no host '${1:-}' in $lab"; }

# running FILE: prints the process id in FILE, if that process is alive and one of this lab's
running() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$lab/" && echo "$pid"
}

lab_network_up() {
  local there
  there=$(ip route show "$net.0/24")
  [[ -z $there || $there == unreachable* ]] || fail "this machine already uses $net.0/24: set DEBLOX_LAB_NET"
  # outside the lab these addresses lead nowhere: nothing may leave by the default route
  ip route replace unreachable "$net.0/24"
  has_ns "$lab_ns" || ip netns add "$lab_ns"
  ip -n "$lab_ns" link set lo up
  ip -n "$lab_ns" link show switch >/dev/null 2>&1 || ip -n "$lab_ns" link add switch type bridge
  ip -n "$lab_ns" addr replace "$net.1/24" dev switch
  ip -n "$lab_ns" link set switch up
}

host_network_up() {
  local host=$1 ns=$prefix-$1
  has_ns "$ns" || ip netns add "$ns"
  ip -n "$ns" link set lo up
  if ! ip -n "$ns" link show eth0 >/dev/null 2>&1; then
    ip -n "$lab_ns" link del "$host" 2>/dev/null || true
    ip -n "$lab_ns" link add "$host" type veth peer name eth0 netns "$ns"
  fi
  ip -n "$lab_ns" link set "$host" master switch up
  ip -n "$ns" addr replace "$(address "$host")/24" dev eth0
  ip -n "$ns" link set eth0 up
  heal "$host"
}

heal() {
  ip -n "$lab_ns" link set "$1" up
  in_ns "$prefix-$1" iptables -t raw -F PREROUTING
  tc -n "$lab_ns" qdisc del dev "$1" root 2>/dev/null || true
}

# in_host HOST COMMAND...: in the background, in the network of HOST and under its name; $! is the command's process
in_host() {
  local host=$1; shift
  # shellcheck disable=SC2016  # the inner shell expands these
  nsenter --net="/run/netns/$prefix-$host" setsid unshare --uts sh -c 'echo "$0" >/proc/sys/kernel/hostname; exec "$@"' \
    "$host" "$@" >>"$lab/$host/log" 2>&1 </dev/null &
}

# A containerd for each engine: where the machine's own one runs, every dockerd would use that, and share its containers.
containerd_start() {
  local d=$lab/$1
  mkdir -p "$d/data" "$d/exec"
  cat >"$d/containerd.toml" <<TOML
version = 2
root = "$d/data/containerd"
state = "$d/exec/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[grpc]
address = "$d/containerd.sock"
TOML
  rm -f "$d/containerd.sock"
  in_host "$1" containerd --log-level warn --config "$d/containerd.toml"
  echo $! >"$d/containerd.pid"
}

# Registries in the lab speak plain HTTP; one that is gone is tried again once.
settings() {
  local key=
  ! dockerd --version | grep -q ' 20\.10' || key="\"deprecated-key-path\": \"$lab/$1/key.json\", "
  echo "{$key\"insecure-registries\": [\"$net.0/24\"], \"max-download-attempts\": 2}"
}

# The engine takes no settings from this machine's own one, and has a name and an id that tell it from its neighbours.
dockerd_start() {
  local d=$lab/$1 group=()
  # newer engines read their id from this file; 20.10 derives it from a key
  [ -s "$d/data/engine-id" ] || tr -d '\n' </proc/sys/kernel/random/uuid >"$d/data/engine-id"
  settings "$1" >"$d/daemon.json"
  ! getent group docker >/dev/null || group=(--group docker)
  rm -f "$d/docker.sock" "$d/dockerd.pid"
  until_true 10 test -S "$d/containerd.sock" || { tail -n 5 "$d/log" >&2; fail "the containerd of $1 does not start"; }
  in_host "$1" dockerd --log-level warn --config-file "$d/daemon.json" --containerd "$d/containerd.sock" \
    --data-root "$d/data" --exec-root "$d/exec" --pidfile "$d/dockerd.pid" --shutdown-timeout 2 "${group[@]}" \
    -H "unix://$d/docker.sock" -H "tcp://$(address "$1"):2375" --tls=false
}

# until_true SECONDS COMMAND...
until_true() {
  local tries=$(($1 * 10)); shift
  while ! "$@"; do
    [ $((tries--)) -gt 0 ] || return 1
    sleep 0.1
  done
}

engine_ready() {
  until_true 60 answers "$1" || { tail -n 5 "$lab/$1/log" >&2; fail "the engine of $1 does not start"; }
}

signal() { local pid; ! pid=$(running "$2") || kill "-$1" "$pid" 2>/dev/null || true; }
gone() { ! running "$1" >/dev/null; }
# every thread of it: the signal is sent to all and reaches each in its own time
stopped() { local pid; pid=$(running "$1") && ! grep -h '^State:' /proc/"$pid"/task/*/status 2>/dev/null | grep -qv 'T (stopped)'; }

# Both programs have to be gone, and their files too, or the next start waits for a dead containerd.
engine_kill() {
  local file
  for file in "$lab/$1/dockerd.pid" "$lab/$1/containerd.pid"; do
    signal KILL "$file"
    until_true 10 gone "$file" || fail "cannot kill the process in $file"
    rm -f "$file"
  done
}

up() {
  local host starting=()
  mkdir -p "$lab"
  lab_network_up
  for host in $(seq -f 'h%g' "$1"); do
    mkdir -p "$lab/$host"
    host_network_up "$host"
    signal CONT "$lab/$host/dockerd.pid"
    if gone "$lab/$host/dockerd.pid" || gone "$lab/$host/containerd.pid" || ! answers "$host"; then
      engine_kill "$host"
      containerd_start "$host"
      starting+=("$host")
    elif [ "$(settings "$host")" != "$(cat "$lab/$host/daemon.json")" ]; then
      # another version of this script has started it; what may change here, an engine takes as it runs
      settings "$host" >"$lab/$host/daemon.json"
      signal HUP "$lab/$host/dockerd.pid"
    fi
  done
  for host in "${starting[@]}"; do dockerd_start "$host"; done
  for host in "${starting[@]}"; do engine_ready "$host"; done
}

load() {
  local host image
  for image in "$@"; do
    docker save "$image" -o "$lab/image.tar"
    for host in $(hosts); do
      [ "$(image_id "$image")" = "$(image_id "$image" -H "unix://$lab/$host/docker.sock")" ] ||
        docker_of "$host" load -q -i "$lab/image.tar" >/dev/null
    done
    rm -f "$lab/image.tar"
  done
}
image_id() { docker "${@:2}" image inspect -f '{{.Id}}' "$1" 2>/dev/null || echo none; }

host_down() {
  local host=$1 d=$lab/$1 ns=$prefix-$1 shim
  signal CONT "$d/dockerd.pid"
  if ! gone "$d/containerd.pid" && answers "$host"; then
    docker_of "$host" ps -aq | xargs -r timeout 30 docker -H "unix://$d/docker.sock" rm -fv >/dev/null 2>&1 || true
  fi
  signal TERM "$d/dockerd.pid"
  until_true 10 gone "$d/dockerd.pid" || true
  engine_kill "$host"
  # containers that outlived a killed engine, and the shims they hang on
  for shim in $(pgrep -f -- "-address $d/containerd.sock" || true); do
    pkill -KILL -P "$shim" || true
    kill -KILL "$shim" 2>/dev/null || true
  done
  awk -v folder="$d/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l || true
  ! has_ns "$ns" || ip netns del "$ns"
  rm -rf "$d"
}

down() {
  local host
  for host in $(hosts); do host_down "$host" & done
  wait
  ! has_ns "$lab_ns" || ip netns del "$lab_ns"
  ip route del unreachable "$net.0/24" 2>/dev/null || true
  rm -rf "$lab"
}

if [ "$(id -u)" != 0 ]; then
  exec sudo env "PATH=$PATH" "DEBLOX_LAB=$lab" "DEBLOX_LAB_NET=$net" "deblox_lab_caller=$(id -u) $(id -g)" \
    ${DOCKER_HOST:+"DOCKER_HOST=$DOCKER_HOST"} "$0" "$@"
fi
[[ ${1:-} =~ ^(kill|start|hang|wake|cut|heal|deaf|loss|rate)$ ]] && known "${2:-}"
case ${1:-} in
up) [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage; up "$2" ;;
load) load "${@:2}" ;;
down) down ;;
kill) engine_kill "$2" ;;
start) gone "$lab/$2/dockerd.pid" || fail "the engine of $2 runs"; containerd_start "$2"; dockerd_start "$2"; engine_ready "$2" ;;
hang) signal STOP "$lab/$2/dockerd.pid"
    until_true 5 stopped "$lab/$2/dockerd.pid" || fail "the engine of $2 does not hang" ;;
wake) signal CONT "$lab/$2/dockerd.pid" ;;
cut) ip -n "$lab_ns" link set "$2" down ;;
heal) heal "$2" ;;
# in the table raw, ahead of Docker's own rules, so that published ports are covered as well
deaf) in_ns "$prefix-$2" iptables -t raw -I PREROUTING -i eth0 -j DROP ;;
loss) in_ns "$prefix-$2" iptables -t raw -I PREROUTING -i eth0 -m statistic --mode random --probability "$(awk -v p="$3" 'BEGIN { print p / 100 }')" -j DROP ;;
rate) tc -n "$lab_ns" qdisc replace dev "$2" root tbf rate "$3" burst 16k latency 200ms ;;
in) if [ "${2:-}" = lab ]; then ns=$lab_ns; else known "${2:-}"; ns=$prefix-$2; fi
    read -r user group <<<"${deblox_lab_caller:-}"
    exec nsenter --net="/run/netns/$ns" ${user:+setpriv --reuid "$user" --regid "$group" --init-groups} "${@:3}" ;;
*) usage ;;
esac
