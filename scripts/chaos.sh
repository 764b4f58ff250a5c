#!/usr/bin/env bash
# The fault suite: faults at random on six Docker hosts of a lab of its own and on Redis, while requests are sent; then the
# check that each was answered once and done once. The result goes into docs/reliability.md, which says what it proves.
# The lab is taken down at the end.
#
#   TRIALS=1000 SEED=42 scripts/chaos.sh    so many faults (1000, which take some 40 minutes), chosen from that seed (any)
#   REDIS=sentinel scripts/chaos.sh         on a primary with replicas and sentinels (100 faults); also cluster, valkey, one
#   REPLICAS=0 scripts/chaos.sh             there, with workers that wait for no replica before they act
#
# DEBLOX_LAB_KEEP=1 leaves the lab up.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh test

export DEBLOX_LAB=${DEBLOX_LAB:-/tmp/deblox-chaos} DEBLOX_LAB_NET=${DEBLOX_LAB_NET:-10.79.0}
cargo test --locked --test chaos --no-run
trap '[ -n "${DEBLOX_LAB_KEEP:-}" ] || scripts/lab.sh down' EXIT
scripts/lab.sh up 6
scripts/lab.sh load busybox:latest
redis=${REDIS:-one}
trials=100
[ "$redis" != one ] || trials=1000
arguments=(--redis "$redis" --trials "${TRIALS:-$trials}")
[ -z "${SEED:-}" ] || arguments+=(--seed "$SEED")
# the page keeps what holds where workers wait for their replicas
if [ -n "${REPLICAS:-}" ]; then arguments+=(--replicas "$REPLICAS"); else arguments+=(--write docs/reliability.md); fi
cargo test --locked --test chaos -- "${arguments[@]}"
