#!/usr/bin/env bash
# Whether the image and the compose files do what the README says: builds the image, looks at it, and follows the walk-through
# with each Compose there is. The containers are those of a lab of its own, which is taken down at the end.
#
#   image.sh          builds quickly, without optimising across crates, which makes a larger image
#   image.sh --full   builds as `docker build .` does
#
# DEBLOX_LAB_KEEP=1 leaves the lab up.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/setup.sh test

export DEBLOX_LAB=/tmp/deblox-image DEBLOX_LAB_NET=10.80.0
image=deblox:test
limit=40000000    # bytes
work=$(mktemp -d)
finish() {
  local code=$?
  rm -rf "$work"
  [ -n "${DEBLOX_LAB_KEEP:-}" ] || scripts/lab.sh down || true
  exit $code
}
trap finish EXIT
heading() { printf '\n== %s\n' "$*"; }
# same WHAT EXPECTED FOUND
same() { [ "$2" = "$3" ] || { diff <(echo "$2") <(echo "$3") >&2 || true; fail "$1 is not as it should be"; }; }
# until_so SECONDS WHAT COMMAND...
until_so() {
  local deadline=$((SECONDS + $1)) what=$2; shift 2
  until "$@"; do
    [ $SECONDS -lt $deadline ] || fail "in vain waited for: $what"
    sleep 0.2
  done
}

heading the image, by the classic builder
quick=(--build-arg CARGO_PROFILE_RELEASE_LTO=off --build-arg CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16)
[ "${1:-}" != --full ] || quick=()
# the packages come from where this machine gets them, whichever way that is
DOCKER_BUILDKIT=0 docker build --network host "${quick[@]}" --build-arg REVISION=tested -t $image . >"$work/build" 2>&1 ||
  { tail -n 40 "$work/build" >&2; fail "the image cannot be built"; }

of_image() { docker image inspect -f "$1" $image; }
size=$(of_image '{{.Size}}')
say "$((size / 1000)) kB, built after $SECONDS s"
[ "$size" -le $limit ] || fail "the image has $size bytes, more than $limit"
same "its user" 65532:65532 "$(of_image '{{.Config.User}}')"
same "its signal" SIGTERM "$(of_image '{{.Config.StopSignal}}')"
same "its health check" '["CMD","deblox","health"]' "$(of_image '{{json .Config.Healthcheck.Test}}')"
same "its command" '["deblox"] ["worker"]' "$(of_image '{{json .Config.Entrypoint}} {{json .Config.Cmd}}')"
same "its labels" 'deblox Apache-2.0 tested' "$(of_image \
  '{{with .Config.Labels}}{{index . "org.opencontainers.image.title"}} {{index . "org.opencontainers.image.licenses"}} {{index . "org.opencontainers.image.revision"}}{{end}}')"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
same "its version" "$version" "$(of_image '{{index .Config.Labels "org.opencontainers.image.version"}}')"
same "what it says of itself" "deblox $version" "$(docker run --rm --label deblox.test $image --version)"
container=$(docker create --label deblox.test $image)
docker export "$container" | tar -t >"$work/files"
docker cp "$container:/usr/share/doc/deblox/sbom.cdx.json" "$work/sbom" >/dev/null
docker rm "$container" >/dev/null
for file in etc/ssl/certs/ca-certificates.crt usr/share/man/man1/deblox-ps.1 usr/share/zsh/site-functions/_deblox \
            usr/share/bash-completion/completions/deblox usr/share/fish/vendor_completions.d/deblox.fish \
            usr/share/doc/deblox/sbom.cdx.json; do
  grep -qx "$file" "$work/files" || fail "the image lacks $file"
done

same "its bill of materials" "$(scripts/sbom.sh)" "$(cat "$work/sbom")"
for part in pkg:cargo/redis@ pkg:cargo/axum@ pkg:npm/react@; do
  grep -q "\"purl\": \"$part" "$work/sbom" || fail "the bill of materials of the image does not name $part"
done

heading a lab of 4 Docker hosts
scripts/lab.sh up 4
scripts/lab.sh load $image redis:7 busybox:latest
on_host() { docker -H "unix://$DEBLOX_LAB/h$1/docker.sock" "${@:2}"; }
sweep() { on_host "$1" ps -aq | xargs -r docker -H "unix://$DEBLOX_LAB/h$1/docker.sock" rm -fv >/dev/null; }
# an earlier run that failed may have left something, and a Redis that remembers its requests
for host in 1 2 3 4; do sweep $host; done
on_host 1 volume prune -f >/dev/null
export DOCKER_HOST=unix://$DEBLOX_LAB/h1/docker.sock
export DEBLOX_SOCKET=$DEBLOX_LAB/h1/docker.sock
docker tag $image deblox
export COMPOSE_PROJECT_NAME=deblox COMPOSE_IGNORE_ORPHANS=1

v2() { DOCKER_CONFIG=$compose_config docker compose "$@"; }
v1() { docker-compose "$@"; }
healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$("$compose" "${files[@]}" ps -q "$1")")" = healthy ]; }
bus() { "$compose" "${files[@]}" exec -T redis redis-cli --no-raw "$@" </dev/null; }

# What differs from one time to the next: ids, times, measures.
masked() {
  sed -E -e 's/[0-9a-f]{64}/ID/g' -e 's/[0-9]{13}-[0-9]+/ENTRY/g' -e 's/(Date\\":\\")[^\\]*/\1DATE/' -e 's/(Content-Length\\":\\")[1-9][0-9]*/\1N/' \
    -e 's/(cpus?|memory|memoryTotal|disk|diskTotal|containers|running|lastSeen|daemonSeen)(\\":)[0-9.]+/\1\2N/g' -e 's/(engineVersion|apiVersion|operatingSystem|workerVersion)(\\":\\")[^\\]*/\1\2TEXT/g' \
    -e "s/sthm1\.example\.com|$dock/DOCK/g"
}

# Types what the README's walk-through has behind `$ bus`, and compares what comes with what is printed there.
walk_through() {
  local line typed='' printed='' entry=''
  check() {
    [ -n "$typed" ] || return 0
    # the id that XADD has printed, in the place of the README's; and this dock's name
    local said
    said=$(eval "bus $(sed -E -e "s/[0-9]{13}-0/$entry/" -e "s/sthm1\.example\.com/$dock/" <<<"$typed")")
    entry=$(grep -oE '^"[0-9]{13}-[0-9]+"$' <<<"$said" | tr -d '"' || true)
    same "what comes of 'bus $typed'" "$(masked <<<"$printed")" "$(masked <<<"$said")"
    steps=$((steps + 1))
  }
  steps=0
  while IFS= read -r line; do
    case $line in
    '$ bus '*) check; typed=${line#'$ bus '} printed='' ;;
    [\"1-9]*) printed+=${printed:+$'\n'}$line ;;
    *) check; typed='' ;;
    esac
  done < <(sed -n '/^## A walk-through with redis-cli/,/^## The same with/p' README.md)
  [ $steps = 7 ] || fail "the README's walk-through has $steps steps, 7 were there"
}

# follow COMPOSE USER: up, healthy, the walk-through, down
follow() {
  compose=$1 files=()
  heading "docker-compose.yml with Compose $("$compose" version --short), the worker as ${2:-root}"
  export DEBLOX_USER=$2
  [ -n "$2" ] || unset DEBLOX_USER
  "$compose" up -d --no-build >"$work/up" 2>&1 || { cat "$work/up" >&2; fail "it does not come up"; }
  local service
  for service in redis worker web; do until_so 60 "$service is healthy" healthy "$service"; done
  dock=$(bus --raw HKEYS deblox.docks)
  same "the dock's name" h1 "$dock"
  walk_through
  same "what the web says" 200 "$(scripts/lab.sh in h1 curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/)"
  # an instance outlives deblox, and Redis keeps what it was told
  bus XADD deblox.docker '*' action create-container image busybox name kept cmd '["sleep","600"]' start true requestId kept-1 >/dev/null
  bus BLPOP deblox.reply.kept-1 30 | grep -q '\\"statusCode\\":201' || fail "the container was not created"
  local worker; worker=$("$compose" ps -q worker)
  "$compose" stop >"$work/stop" 2>&1
  same "how the worker has ended" 0 "$(docker inspect -f '{{.State.ExitCode}}' "$worker")"
  same "the container" running "$(docker inspect -f '{{.State.Status}}' kept)"
  "$compose" up -d --no-build >"$work/up" 2>&1
  until_so 60 "the worker is healthy again" healthy worker
  same "what Redis has kept" 1 "$(bus --raw EXISTS deblox.request.kept-1)"
  "$compose" down -v >"$work/down" 2>&1
  docker rm -f kept >/dev/null
  same "what is left" '' "$(docker ps -aq)"
}

# demo COMPOSE: the demonstration, with hosts of the lab as its docks; an engine in a container needs more than every machine gives
demo() {
  compose=$1 files=(-f docker-compose.demo.yml -f "$work/docks.yml")
  heading "docker-compose.demo.yml with Compose $("$compose" version --short)"
  {
    echo services:
    for n in 1 2 3; do
      printf '  dock%s: {image: "busybox:latest", privileged: false, command: ["sleep", "3600"], stop_grace_period: 0s}\n' $n
      printf '  worker%s: {volumes: ["%s/h%s:/run/dock"]}\n' $n "$DEBLOX_LAB" $((n + 1))
    done
  } >"$work/docks.yml"
  "$compose" "${files[@]}" up -d --no-build >"$work/up" 2>&1 || { cat "$work/up" >&2; fail "it does not come up"; }
  local service
  for service in redis web worker1 worker2 worker3; do until_so 60 "$service is healthy" healthy $service; done
  bus XADD deblox.docker '*' action create-container image busybox name job cmd '["sleep","600"]' start true instances 3 requestId job-1 >/dev/null
  bus BLPOP deblox.reply.job-1 30 | grep -q '\\"statusCode\\":201' || fail "the containers were not created"
  local host
  for host in 2 3 4; do
    same "how many run on host $host" 1 "$(on_host $host ps -q | wc -l)"
    sweep $host
  done
  same "what the web says" 200 "$(scripts/lab.sh in h1 curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/)"
  "$compose" "${files[@]}" down -v >"$work/down" 2>&1
}

follow v2 ''
follow v2 "65532:$(stat -c %g "$DEBLOX_SOCKET")"
demo v2
# where the distribution has the old one
if [[ $(docker-compose version --short 2>/dev/null) == 1.* ]]; then
  follow v1 ''
  demo v1
fi
heading "the image is well, after $((SECONDS / 60)) min $((SECONDS % 60)) s"
