#!/usr/bin/env bash
# Makes the image rust:1-slim-bookworm out of this machine's Rust and C compiler, for where no image can be pulled.
set -euo pipefail
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
sysroot=$(rustc --print sysroot)

"$(dirname "$0")/debian.sh" "$tree" gcc libc6-dev
ln -s gcc "$tree/usr/bin/cc"    # which Debian's update-alternatives does
tar -C "$tree" --owner 0 --group 0 --transform "flags=r;s#^${sysroot#/}/#usr/local/#" --exclude 'rust-analyzer' --exclude 'clippy*' \
  -c . -C / "${sysroot#/}/bin" "${sysroot#/}/lib" |
  docker import -c 'CMD ["bash"]' -c 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CARGO_HOME=/usr/local/cargo' \
    - rust:1-slim-bookworm >/dev/null
