#!/usr/bin/env bash
# secrets.sh FOLDER: looks whether anything that the integration tests have produced has a secret in it: what programs, workers
# and nodes have said and logged, and all replies. The passwords, sessions and tokens that the tests have used are in FOLDER/secrets,
# one a line; an API token is known by its form as well. See tests/integration/witness.rs.
set -euo pipefail
cd "$1"
for kind in commands logs processes replies secrets; do
  [ -s $kind ] || { echo "the tests have left no $kind in $PWD: nothing was looked at" >&2; exit 1; }
done
found=0
grep -aHnF -f secrets commands logs processes replies && found=1
grep -aHnE 'deblox_[0-9a-f]{64}' commands logs processes replies && found=1
if [ $found = 1 ]; then
  echo "a secret is in what the tests have produced: see $PWD, and the lines above" >&2
  exit 1
fi
echo "$(sort -u secrets | wc -l) secrets are in none of $(cat commands logs processes replies | wc -l) lines"
