#!/usr/bin/env bash
# The Debian package, as target/debian/deblox_VERSION_ARCHITECTURE.deb: the program, its manual, what completes its commands in
# shells, units for systemd, and a bill of materials (SBOM). It fits the release of Debian or Ubuntu that it is built on, and newer ones.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh build
have dpkg-shlibdeps || apt_install "to see which libraries the package needs" dpkg-dev
if ! cargo deb --version >/dev/null 2>&1; then
  say "installing cargo-deb, which makes Debian packages (once, some minutes)"
  cargo install --locked --quiet cargo-deb
fi

# where Cargo.toml says that the package finds them
target=${CARGO_TARGET_DIR:-target}
DEBLOX_REQUIRE_UI=1 cargo build --release --locked
rm -rf "$target/package-files"
mkdir -p "$target/package-files"
"$target/release/deblox" man "$target/package-files/man1"
scripts/sbom.sh >"$target/package-files/sbom.cdx.json"
for shell in bash zsh fish; do "$target/release/deblox" completions $shell >"$target/package-files/$shell"; done
cargo deb --no-build --locked
