#!/usr/bin/env bash
# Makes the image redis:7 out of this machine's redis-server and static busybox, for where no image can be pulled.
# It keeps the official image's contract: entrypoint, data in /data, port 6379, no password.
set -euo pipefail
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
version=$(redis-server --version | sed -E 's/.* v=([0-9]+).*/\1/')
[ "$version" -ge 7 ] || { echo "redis-server 7 or newer is needed to stand in for redis:7, found $version" >&2; exit 1; }

"$(dirname "$0")/busybox.sh" "$tree"

# the two programs, and every library that the loader would open for them, at the paths it looks for them
programs=("$(command -v redis-server)" "$(command -v redis-cli)")
for program in "${programs[@]}"; do
  install -D "$(readlink -f "$program")" "$tree/usr/local/bin/$(basename "$program")"
done
for library in $(ldd "${programs[@]}" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u); do
  install -D "$(readlink -f "$library")" "$tree$library"
done

cat >"$tree/usr/local/bin/docker-entrypoint.sh" <<'SCRIPT'
#!/bin/sh
# as in the official image: options alone, or a configuration file, are for redis-server
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then set -- redis-server "$@"; fi
# the official image is built with protected mode off
if [ "$1" = redis-server ]; then set -- "$@" --protected-mode no; fi
exec "$@"
SCRIPT
chmod 755 "$tree/usr/local/bin/docker-entrypoint.sh"
mkdir -p "$tree/data"

tar -C "$tree" --owner 0 --group 0 -c . |
  docker import -c 'ENV PATH=/usr/local/bin:/bin:/sbin:/usr/bin:/usr/sbin' -c 'WORKDIR /data' -c 'VOLUME /data' \
    -c 'EXPOSE 6379' -c 'ENTRYPOINT ["docker-entrypoint.sh"]' -c 'CMD ["redis-server"]' - redis:7 >/dev/null
