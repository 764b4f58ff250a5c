#!/usr/bin/env bash
# debian.sh FOLDER PACKAGE...: fills FOLDER with the files of these packages of this Debian machine, which has to have them,
# and of all that they depend on, for an image to build on where none can be pulled. The machine's certificates come with it.
set -euo pipefail
tree=$1; shift
packages=(base-files bash ca-certificates coreutils dash findutils grep libc-bin sed tar gzip "$@")

mkdir -p "$tree"/{etc,tmp,root,proc,sys,dev,usr/bin,usr/sbin,usr/lib,usr/lib64,var/tmp}
chmod 755 "$tree"
chmod 1777 "$tree"/tmp "$tree"/var/tmp
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$tree/$folder"; done
echo 'root:x:0:0:root:/root:/bin/bash' >"$tree/etc/passwd"
echo 'root:x:0:' >"$tree/etc/group"

apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
  "${packages[@]}" | grep -E '^[a-z0-9]' | sort -u >"$tree/packages"
# what is installed of them, at the paths behind /bin and its like
{ xargs dpkg-query -L <"$tree/packages" 2>/dev/null || true; } |
  grep -Ev '^/usr/share/(doc|man|locale|info|lintian|bug)/' | sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#; s#^/##' | sort -u >"$tree/files"
rm "$tree/packages"
# what ca-certificates has made of its own belongs to no package
find /etc/ssl/certs -mindepth 1 | sed 's#^/##' >>"$tree/files"
tar -C / --no-recursion --ignore-failed-read --exclude-from <(printf '%s\n' bin sbin lib lib64) \
  --files-from "$tree/files" -c 2>/dev/null | tar -C "$tree" --keep-directory-symlink -x
rm "$tree/files"
ldconfig -r "$tree"
