#!/usr/bin/env bash
# From a bare machine to a container created over the bus: sets up, builds, starts 'deblox up' in the background, and shows
# a request and its reply. Run again, it finds deblox running and shows another one. 'down.sh' ends it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh run

state=${XDG_STATE_HOME:-$HOME/.local/state}/deblox
pid_file=$state/up.pid
log=$state/up.log
deblox=${CARGO_TARGET_DIR:-target}/release/deblox
ping='{"action":"ping"}'
create='{"action":"create-container","image":"busybox","cmd":["sleep","3600"],"start":true}'

answers() { timeout 10 "$deblox" call "$ping" --timeout 2s >/dev/null 2>&1; }
# the process that an earlier run started, if it is alive
running() { pid=$(cat "$pid_file" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = deblox ]; }
give_up() { tail -n 20 "$log" >&2; fail "$1; its log: $log"; }

say "building (the first time takes a few minutes)"
cargo build --release --locked

if running || answers; then
  say "deblox is running already"
  if running && [[ $(readlink "/proc/$pid/exe") == *' (deleted)' ]]; then
    say "it is an older build than the one just made: 'make down' and 'make up' replace it"
  fi
else
  say "starting $deblox up (log: $log)"
  mkdir -p "$state"
  setsid "$deblox" up >"$log" 2>&1 </dev/null &
  started=$!
  echo "$started" >"$pid_file"
fi

deadline=$((SECONDS + 30))
until answers; do
  [ -z "${started:-}" ] || kill -0 "$started" 2>/dev/null || give_up "deblox up has ended"
  [ $SECONDS -lt $deadline ] || give_up "no answer from deblox within 30 s"
  sleep 0.2
done

printf '\n$ %s call '\''%s'\''\n' "$deblox" "$create"
"$deblox" call "$create"

# a password in its arguments would be for everybody to read
if [[ ${REDIS_URL:-} == *@* || -n ${REDIS_URL_FILE:-}${REDIS_PASSWORD_FILE:-} ]]; then cli="redis-cli --askpass -h HOST --user NAME"
elif [ -n "${REDIS_URL:-}" ]; then cli="redis-cli -u \"\$REDIS_URL\""; else cli="redis-cli -s $state/redis/redis.sock"; fi
cat <<TEXT

deblox runs in the background. What to type next:

  # the container, as Docker sees it
  docker ps
  # the hosts of the cluster: so far this one
  $deblox call '{"action":"list-docks"}'
  # the same by HTTP
  curl -d '{"action":"list-docks"}' http://${DEBLOX_LISTEN:-127.0.0.1:8080}
  # the same bus by hand: a request, then its reply under the id that XADD prints
  $cli XADD deblox.docker '*' json '{"action":"list-containers"}'
  $cli BLPOP deblox.reply.<id> 30
  # stop deblox; containers run on
  make down
TEXT
[ -z "${deblox_in_group:-}" ] || printf '\n%s\n' "Log in again before you use docker by hand: you are in group docker now, this shell is not."
