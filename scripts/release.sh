#!/usr/bin/env bash
# Makes the files of a release, signs them, and checks them as people do who fetch them. docs/releasing.md says when to run what.
#
#   release.sh build FOLDER              the package, the program in an archive, and the bill of materials, into FOLDER
#   release.sh sign FOLDER KEY           SHA256SUMS over all files in FOLDER, and SHA256SUMS.minisig by minisign's secret KEY
#   release.sh verify FOLDER PUBLIC-KEY  whether FOLDER holds what was signed, and nothing else
#
# PUBLIC-KEY is a file, or the line that begins with RW. `build` needs a clean checkout of the tag vVERSION.
set -euo pipefail
say() { printf 'deblox: %s\n' "$*"; }
fail() { printf 'deblox: %s\n' "$*" >&2; exit 1; }
usage() { sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
need() { command -v "$1" >/dev/null || fail "$1 is missing: install the package $1 of your distribution"; }

# The files that are listed: all but the list and its signature
files() { (cd "$1" && find . -type f ! -name SHA256SUMS ! -name SHA256SUMS.minisig -printf '%P\n' | LC_ALL=C sort); }

build() {
  local folder=$1 target=${CARGO_TARGET_DIR:-$root/target} machine
  cd "$root"
  [ -z "$(git status --porcelain)" ] || fail "there are changes that are not committed"
  [ "$(git describe --exact-match --tags 2>/dev/null)" = "v$version" ] || fail "this commit has not the tag v$version"
  scripts/deb.sh
  machine=$(uname -m)
  mkdir -p "$folder"
  cp "$target"/debian/deblox_"$version"*.deb "$folder/"
  cp "$target/package-files/sbom.cdx.json" "$folder/deblox-$version-$machine.cdx.json"
  # the same bytes each time, whoever packs it
  tar -C "$target/release" --owner 0 --group 0 --numeric-owner --mtime "@$(git log -1 --format=%ct)" -c deblox |
    gzip -9n >"$folder/deblox-$version-$machine-linux.tar.gz"
  say "now: scripts/release.sh sign $folder KEY"
}

sign() {
  local folder=$1 key=$2
  need minisign
  [ -n "$(files "$folder")" ] || fail "there is nothing to sign in $folder"
  files "$folder" | (cd "$folder" && xargs -d '\n' sha256sum) >"$folder/SHA256SUMS"
  # what is signed says which release it is: an old list cannot be shown for a new one
  minisign -S -s "$key" -m "$folder/SHA256SUMS" -x "$folder/SHA256SUMS.minisig" -t "deblox $version" >/dev/null ||
    fail "$folder/SHA256SUMS is not signed"
  say "signed: $(wc -l <"$folder/SHA256SUMS") files of deblox $version"
}

verify() {
  local folder=$1 key=$2 signer said
  need minisign
  if [ -f "$key" ]; then signer=(-p "$key"); else signer=(-P "$key"); fi
  said=$(minisign -V "${signer[@]}" -m "$folder/SHA256SUMS" -x "$folder/SHA256SUMS.minisig" 2>&1) ||
    fail "the signature of $folder/SHA256SUMS is not by that key: $said"
  (cd "$folder" && sha256sum --strict --quiet -c SHA256SUMS) || fail "a file in $folder is not the one that was signed"
  [ "$(files "$folder")" = "$(cut -c 67- "$folder/SHA256SUMS")" ] || fail "$folder holds files that were not signed"
  say "good: $(sed -n 's/^Trusted comment: //p' <<<"$said")"
}

case ${1:-} in
build) [ $# = 2 ] || usage; build "$(realpath -m "$2")" ;;
sign | verify) [ $# = 3 ] || usage; [ -d "$2" ] || fail "there is no folder $2"; "$1" "$2" "$3" ;;
*) usage ;;
esac
