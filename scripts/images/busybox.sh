#!/usr/bin/env bash
# Makes the image busybox:latest out of this machine's static busybox, for where no image can be pulled.
# 'busybox.sh FOLDER' only fills FOLDER with the files of that image, for another image to build on.
set -euo pipefail
if [ $# = 1 ]; then tree=$1; else
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
fi
mkdir -p "$tree"/{bin,sbin,etc,tmp,root,proc,sys,dev,var,usr/bin,usr/sbin}
chmod 755 "$tree"
chmod 1777 "$tree/tmp"
cp "$(readlink -f "$(command -v busybox)")" "$tree/bin/busybox"
for applet in $("$tree/bin/busybox" --list-full); do
  [ -e "$tree/$applet" ] || ln -s /bin/busybox "$tree/$applet"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
echo 'root:x:0:' >"$tree/etc/group"
[ $# = 1 ] || tar -C "$tree" --owner 0 --group 0 -c . |
  docker import -c 'CMD ["sh"]' -c 'ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin' - busybox:latest >/dev/null
