#!/usr/bin/env bash
# What the bus costs, against what it cannot cost less than, in one run: a table, then the same as JSON. Three Docker hosts
# of a lab of its own are started for it, and taken down at the end.
#
#   bench.sh             everything, some two minutes after the build
#   bench.sh inspect     only the figures whose name contains the word: idle, ping, inspect, flight, callers, creates, streams
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh lab

export DEBLOX_LAB=/tmp/deblox-bench DEBLOX_LAB_NET=10.78.0
trap 'scripts/lab.sh down' EXIT
# the program as it is shipped: cargo bench would build it with all that the tests switch on in the crates it uses
cargo build --release --locked
export DEBLOX_PROGRAM=$PWD/target/bench/deblox
install -D "${CARGO_TARGET_DIR:-target}/release/deblox" "$DEBLOX_PROGRAM"
cargo bench --locked --bench bus --no-run
scripts/lab.sh up 3
scripts/lab.sh load busybox:latest
cargo bench --locked --bench bus -- "$@"
