#!/usr/bin/env bash
# libFuzzer looks for a request or an answer for which the laws in tests/integration/laws.rs do not hold.
#
#   fuzz.sh [SECONDS [TARGET...]]    each target of fuzz/ for so long (60): create, decode, reply
#
# What it finds ends the run and is written to target/fuzz; 'target/fuzz/TARGET FILE' shows it again. What it learns is
# kept in target/fuzz/corpus. After a change of what users may create, run 'fuzz.sh 3600 create' for an hour.
# A stable toolchain will do: libFuzzer comes with its crate, and the flags below are those with which cargo-fuzz has the compiler
# count what a run has reached.
set -euo pipefail
cd "$(dirname "$0")/.."
each=${1:-60}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(create decode reply)
. scripts/setup.sh build
have g++ || apt_install "to build libFuzzer" g++

out=$PWD/target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p "$out"
cp Cargo.lock fuzz/    # the versions that the program has
counting=(-Cpasses=sancov-module -Ccodegen-units=1)
for option in -level=4 -inline-8bit-counters -pc-table -trace-compares; do
  counting+=("-Cllvm-args=-sanitizer-coverage$option")
done
RUSTFLAGS="--cfg fuzzing ${counting[*]}" cargo build --release --manifest-path fuzz/Cargo.toml --target "$host" --target-dir "$out"

# the names of actions and fields, as the README has them, and those of Docker's own
{ grep -ohE '`[A-Za-z][A-Za-z-]+`' README.md | tr '`' '"'; grep -oE '"[A-Za-z]+"' tests/integration/create_bodies.jsonl; } | sort -u >"$out/words"
for target in "${targets[@]}"; do
  say "$target for $each s"
  ln -sf "$host/release/$target" "$out/$target"
  seeds=fuzz/corpus/$target
  if [ "$target" = create ]; then
    seeds=$out/seeds/$target
    mkdir -p "$seeds"
    split -l 1 -a 4 tests/integration/create_bodies.jsonl "$seeds/body-"
  fi
  mkdir -p "$out/corpus/$target"
  log=$out/$target.log
  # an input that takes seconds, or much memory, is a fault as well
  "$out/$target" -max_total_time="$each" -timeout=5 -rss_limit_mb=1024 -max_len=16384 -dict="$out/words" \
    -artifact_prefix="$out/$target-" -print_final_stats=1 "$out/corpus/$target" "$seeds" >"$log" 2>&1 || {
    tail -n 40 "$log" >&2
    fail "$target: a law does not hold, see above"
  }
  say "$target: $(sed -n 's/^#\([0-9]*\)[[:space:]]*DONE.*/\1/p' "$log") inputs, and all was well"
done
