#!/usr/bin/env bash
# Stops the deblox that up.sh started, and waits until it has ended. Containers run on.
set -euo pipefail
pid_file=${XDG_STATE_HOME:-$HOME/.local/state}/deblox/up.pid
running() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = deblox ]; }

pid=$(cat "$pid_file" 2>/dev/null || true)
if [ -z "$pid" ] || ! running "$pid"; then
  echo "deblox: not running"
else
  kill -TERM "$pid"
  for _ in $(seq 600); do
    running "$pid" || break
    sleep 0.1
  done
  ! running "$pid" || { echo "deblox: process $pid has not ended within a minute" >&2; exit 1; }
  echo "deblox: stopped"
fi
rm -f "$pid_file"
