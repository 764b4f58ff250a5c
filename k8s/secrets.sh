#!/usr/bin/env bash
# Makes the credentials of a deblox with a Redis of its own in the cluster: a user of Redis for each kind of program, each
# with a password of its own. Writes worker.env, web.env and users.acl, which the overlay reads, and what people need:
# admin.env, for whoever looks after Redis, and accounts.env, for `deblox user`, `group` and `token`.
#
#   k8s/secrets.sh FOLDER    such as k8s/overlays/redis-inside/secrets
#
# DEBLOX is the program [default: deblox].
set -euo pipefail
folder=${1:?the folder to write to}
deblox=${DEBLOX:-deblox}
redis=deblox-redis:6379

umask 077
cd "$folder"
refuse() { echo "$folder $1" >&2; exit 1; }
! git ls-files --error-unmatch users.acl >/dev/null 2>&1 || refuse "is kept in Git, where secrets do not belong: work in a copy"
! grep -qs '^user' users.acl || refuse "has credentials already: remove users.acl first"

password() { openssl rand -hex 24; }
# of_redis FILE NAME PASSWORD: how a program reaches Redis as that user
of_redis() { printf 'REDIS_URL=redis://%s:%s@%s\n' "$2" "$3" "$redis" >"$1"; }
# user FILE KIND NAME [OPTION...]: the line of the file of users for `deblox acl KIND NAME`
user() {
  local file=$1 secret; shift
  secret=$(password)
  "$deblox" acl "$@" --password-stdin <<<"$secret" | sed 's/^ACL SETUSER /user /'
  of_redis "$file" "$2" "$secret"
}

{
  echo 'user default off'
  # for the probes
  echo 'user health on nopass resetchannels -@all +ping'
  secret=$(password)
  echo "user admin on #$(printf %s "$secret" | sha256sum | cut -d ' ' -f 1) ~* &* +@all"
  of_redis admin.env admin "$secret"
  user worker.env workers worker
  user web.env web web --auth-manager --accounts
  user accounts.env accounts accounts
} >users.new
mv users.new users.acl
echo "$folder: $(ls -m)"
