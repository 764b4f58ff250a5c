#!/usr/bin/env bash
# Makes the image node:22-bookworm-slim out of this machine's Node.js and npm, for where no image can be pulled.
set -euo pipefail
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
node=$(readlink -f "$(command -v node)")
npm=$(readlink -f "$(command -v npm)")
modules=$(dirname "$npm" | sed 's#/npm/bin$##')    # the folder that npm is installed in
[ -d "$modules/npm" ] || { echo "npm is not where it could be copied from: $npm" >&2; exit 1; }

packages=()
for library in $(ldd "$node" | grep -oE '/[^ ]+\.so[^ ]*' | xargs readlink -f | sort -u); do
  packages+=("$(dpkg-query -S "$library" 2>/dev/null | cut -d : -f 1 || true)")
done
"$(dirname "$0")/debian.sh" "$tree" "${packages[@]}"
mkdir -p "$tree/usr/local/bin" "$tree/usr/local/lib/node_modules"
cp "$node" "$tree/usr/local/bin/node"
cp -a "$modules/npm" "$tree/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$tree/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$tree/usr/local/bin/npx"
# Node.js looks at the machine's certificates only where it is told to
tar -C "$tree" --owner 0 --group 0 -c . |
  docker import -c 'CMD ["node"]' -c 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' \
    - node:22-bookworm-slim >/dev/null
