#!/usr/bin/env bash
# The checks that need no Docker: format, lints, licences and sources of the dependencies, the docs,
# the manifests for Kubernetes. Warnings are errors.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh lint

step() { printf '\n== %s\n' "$*"; "$@"; }
step cargo fmt --check
step cargo clippy --all-targets --locked -- -D warnings
# with every crate at hand, also those of other platforms, the check itself needs no network
cargo fetch --locked --quiet
step cargo deny --offline --locked check --hide-inclusion-graph licenses bans sources
# Known vulnerabilities are in a database of their own, which not every machine reaches. Findings are errors.
if said=$(timeout 120 cargo deny fetch db 2>&1); then
  step cargo deny --offline --locked check --hide-inclusion-graph advisories
else
  printf '\n== skipped: cargo deny check advisories, because the database cannot be fetched: %s\n' "$(tail -n 1 <<<"$said")"
fi
RUSTDOCFLAGS="-D warnings" step cargo doc --no-deps --locked --document-private-items
step "$kubernetes_python" tests/kubernetes/check.py "${kustomize[@]}"
