#!/usr/bin/env bash
# Prints a software bill of materials of the program: a CycloneDX 1.5 document with every crate that is linked into it for one
# target, and every npm package that the web UI is built from. It needs cargo alone, and no network once the crates are there;
# it says the same each time.
#
#   sbom.sh [TARGET]    such as aarch64-unknown-linux-gnu [default: this machine]
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# component KIND NAME VERSION LICENCE [SHA-256]: a line of JSON
component() {
  local purl=pkg:$1/${2/#@/%40}@$3 licence='' hash=''
  [ -z "$4" ] || licence=", \"licenses\": [{\"expression\": \"${4//\// OR }\"}]"    # what crates.io had before it knew SPDX
  [ -z "${5:-}" ] || hash=", \"hashes\": [{\"alg\": \"SHA-256\", \"content\": \"$5\"}]"
  printf '    {"type": "library", "bom-ref": "%s", "name": "%s", "version": "%s"%s%s, "purl": "%s"}\n' \
    "$purl" "$2" "$3" "$licence" "$hash" "$purl"
}

crates() {
  local -A sums=()
  local name='' version='' line licence
  while IFS= read -r line; do
    case $line in
    'name = "'*) name=${line#*\"} name=${name%\"} ;;
    'version = "'*) version=${line#*\"} version=${version%\"} ;;
    'checksum = "'*) line=${line#*\"} sums["$name $version"]=${line%\"} ;;
    esac
  done <Cargo.lock
  # tests, build scripts and what runs while compiling are not in the program
  cargo tree --locked --edges normal,no-proc-macro --target "$target" --prefix none --no-dedupe --format '{p}|{l}' |
    sed -E 's/^([^ ]+) v([^ |]+)[^|]*\|/\1|\2|/' | sort -u |
    while IFS='|' read -r name version licence; do
      [ "$name" = deblox ] || component cargo "$name" "$version" "$licence" "${sums["$name $version"]:-}"
    done
}

# npm writes this file: a package begins at four spaces, its fields stand at six
packages() {
  local line name='' version='' licence='' dev=''
  while IFS= read -r line; do
    case $line in
    '    "node_modules/'*) name=${line##*node_modules/} name=${name%%\"*} version='' licence='' dev='' ;;
    '      "version": "'*) version=${line#*: \"} version=${version%%\"*} ;;
    '      "license": "'*) licence=${line#*: \"} licence=${licence%%\"*} ;;
    '      "dev": true'*) dev=yes ;;
    '    }'*) [ -z "$name" ] || [ -n "$dev" ] || component npm "$name" "$version" "$licence"; name='' ;;
    esac
  done <ui/package-lock.json
}

components=$(crates && packages | sort -u)
[[ $components == *pkg:cargo/* && $components == *pkg:npm/* ]] || { echo "no crates or no packages are found" >&2; exit 1; }
cat <<JSON
{
  "bomFormat": "CycloneDX",
  "specVersion": "1.5",
  "version": 1,
  "metadata": {
    "component": {
      "type": "application",
      "bom-ref": "pkg:cargo/deblox@$version",
      "name": "deblox",
      "version": "$version",
      "licenses": [{"expression": "Apache-2.0"}],
      "purl": "pkg:cargo/deblox@$version"
    },
    "properties": [{"name": "deblox:target", "value": "$target"}]
  },
  "components": [
$(sed '$!s/$/,/' <<<"$components")
  ]
}
JSON
