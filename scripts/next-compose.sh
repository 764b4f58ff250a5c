#!/usr/bin/env bash
# next-compose.sh FOLDER: puts docker's plugin compose into FOLDER, out of a package of Debian's next release. Debian 12 has none,
# and that one needs no newer libraries. Nothing is installed: apt gets lists of its own for this.
set -euo pipefail
folder=$1
. /etc/os-release
[ "${ID:-}" = debian ] && [ "${VERSION_CODENAME:-}" = bookworm ] ||
  { echo "Docker Compose v2 is missing: see https://docs.docker.com/compose/install/linux/" >&2; exit 1; }
echo "deblox: fetching Docker Compose v2 into $folder (to test the compose files)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{sources,lists/partial,cache/archives/partial} "$folder"
for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian*; do
  [ ! -e "$file" ] || sed "s/\bbookworm\b/trixie/g" "$file" >"$work/sources/$(basename "$file")"
done
apt() {
  apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/sources" -o Dir::State::Lists="$work/lists" \
    -o Dir::Cache="$work/cache" -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o APT::Sandbox::User=root "$@"
}
apt update
(cd "$work" && apt download docker-compose && dpkg-deb -x docker-compose_*.deb root)
find "$work/root" -path '*/cli-plugins/docker-compose' -exec install -m 755 {} "$folder/" \;
[ -x "$folder/docker-compose" ]
