#!/usr/bin/env bash
# Everything that has to hold before a change goes in: the checks of lint.sh, then all tests, against real Redis servers
# and the Docker hosts of a lab, which is taken down at the end.
# DEBLOX_LAB_KEEP=1 leaves the lab up, which makes the next run, or a 'cargo test' by hand, start sooner.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh test

# One run at a time. flock --close: no engine that a test starts shall hold the lock when the run is over.
lock=/tmp/deblox-test.$(id -u).lock
if [ -z "${deblox_test_locked:-}" ]; then
  flock --nonblock "$lock" true || say "waiting for another test run on this machine to end"
  deblox_test_locked=yes exec flock --close "$lock" "$0"
fi

heading() { printf '\n== %s\n' "$*"; }
# sweep [DOCKER OPTION...] -- [FILTER...]: removes containers that earlier runs left
sweep() {
  local engine=()
  while [ "$1" != -- ]; do engine+=("$1"); shift; done
  shift
  docker "${engine[@]}" ps -aq "$@" | xargs -r docker "${engine[@]}" rm -fv >/dev/null
}
finish() {
  local code=$?
  sweep -- --filter label=deblox.test || true
  [ -n "${DEBLOX_LAB_KEEP:-}" ] || scripts/lab.sh down || true
  [ $code = 0 ] || say "FAILED after $((SECONDS / 60)) min $((SECONDS % 60)) s" >&2
  exit $code
}

scripts/lint.sh

heading "a lab of 6 Docker hosts"
export DEBLOX_LAB=${DEBLOX_LAB:-/tmp/deblox-lab}
trap finish EXIT
scripts/lab.sh up 6
scripts/lab.sh load busybox:latest ubuntu:latest
sweep -- --filter label=deblox.test
for socket in "$DEBLOX_LAB"/h*/docker.sock; do sweep --host "unix://$socket" --; done

heading the web UI: types, lints, units
(cd ui && npm run --silent check && npm run --silent test:unit)

heading cargo test --locked
output=${CARGO_TARGET_DIR:-target}/tmp/suite-output
rm -rf "$output"
cargo test --locked
for redis in valkey sentinel; do
  heading "the fault suite on Redis of another kind: $redis"
  cargo test --locked --test chaos -- --redis "$redis" --trials 10
done

heading the web UI in a browser
cargo build --locked
(cd ui && npm run --silent test:e2e)

scripts/image.sh

heading "no secret in what the tests have produced"
scripts/secrets.sh "$output"

heading "all is well, after $((SECONDS / 60)) min $((SECONDS % 60)) s"
