#!/usr/bin/env bash
# Builds the image and runs it where there is no Docker engine: buildah builds (chroot isolation, vfs) on a
# base that mmdebstrap makes, runc runs. As root, on Debian or Ubuntu:
#
#     docker/build-without-docker.sh [FOLDER]
#
# Shows each step with its time: a run finishes; SIGTERM in a longer one leaves a checkpoint, from which the
# same command goes on; the healthcheck tells well from ill. FOLDER (default: deeprl-image in the folder for
# temporary files) keeps the base and the image, 2 GB; a base that is there is not made again. RUN_ONLY=1 takes
# the image that is there, BUILD_ONLY=1 ends with it. Sources and certificates are those of pip's own settings.
set -euo pipefail
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=${1:-${TMPDIR:-/tmp}/deeprl-image}
python=${PYTHON:-python3}
image=localhost/deeprl-tui:dev
base=localhost/deeprl-base:bookworm
began=$SECONDS
core=$(taskset -cp $$ | sed 's/.*[:,-] *//')

die() { printf 'build-without-docker: %s\n' "$*" >&2; exit 1; }
say() { printf '%6s s  %s\n' "$((SECONDS - began))" "$*"; }

# Run a command with its output in a log, and say how long it took.
step() {
  local words=$1 from=$EPOCHREALTIME
  shift
  if ! "$@" >"$work/step.log" 2>&1; then
    tail -n 30 "$work/step.log" >&2
    die "$words failed; see $work/step.log"
  fi
  say "$words: $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $from }") s"
}

[ "$(id -u)" = 0 ] || die "needs root: chroot isolation and runc do"
mkdir -p "$work"
cd "$work"

install_tools() {
  local tool missing=()
  for tool in buildah runc mmdebstrap; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  [ ${#missing[@]} = 0 ] && return
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
step "tools" install_tools

export BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$work/storage.conf
printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$work" "$work" >storage.conf
printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >policy.json

# ---- The base: as small as the one in the Dockerfile ----------------------------------------------------

make_base() {
  # Keep no packages that apt has fetched, as Docker's Debian does.
  local clean='echo "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin\"; };" >"$1/etc/apt/apt.conf.d/clean"'
  mmdebstrap --variant=minbase --aptopt='Apt::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --customize-hook="$clean" bookworm base.tar
}
import_base() {
  local container
  container=$(buildah from scratch)
  buildah add "$container" base.tar /
  buildah commit --signature-policy policy.json "$container" "$base"
  buildah rm "$container"
}
[ -s base.tar ] || step "base system" make_base
buildah inspect --type image "$base" >/dev/null 2>&1 || step "base image" import_base

# ---- The image ------------------------------------------------------------------------------------------

# What pip is told here it is told there: packages on a disk are mounted where they are.
arguments=()
setting() {
  "$python" -m pip config list | sed -n "s/^\(:env:\|[a-z]*\)\.$1='\(.*\)'\$/\2/p" | tail -n 1
}
for name in index-url extra-index-url find-links; do
  value=$(setting "$name")
  [ -n "$value" ] || continue
  upper=${name^^}
  arguments+=(--build-arg "PIP_${upper//-/_}=$value")
  for word in $value; do
    folder=${word#file://}
    case $name in *index-url) folder=$(dirname "$folder") ;; esac
    case $word in /* | file://*) [ "$folder" != / ] && [ -d "$folder" ] && arguments+=(-v "$folder:$folder:ro") ;; esac
  done
done
certificate=$(setting cert)
if [ -n "$certificate" ]; then
  arguments+=(--secret "id=ca,src=$certificate" --build-arg PIP_CERT=/run/secrets/ca)
fi
torch=$(grep '^torch==' "$repo/docker/requirements.txt")
takes_cuda() {
  "$python" -m pip install --dry-run --quiet --ignore-installed --no-deps --report - "$torch" 2>/dev/null |
    grep -qE '"(nvidia|cuda)'
}
takes_cuda || arguments+=(--build-arg TORCH_BACKEND=)

build() {
  buildah bud --signature-policy policy.json --format docker --layers=false --target runtime \
    --build-arg "BASE=$base" "${arguments[@]}" -f "$repo/docker/Dockerfile" \
    --ignorefile "$repo/.dockerignore" -t "$image" "$repo"
}
[ -n "${RUN_ONLY:-}" ] || step "image" build
buildah inspect --type image "$image" >image.json

# ---- A container ----------------------------------------------------------------------------------------

container=$(buildah from --signature-policy policy.json "$image")
root=$(buildah mount "$container")
name=deeprl-$$
cleanup() {
  runc --root "$work/runc" delete -f "$name" >/dev/null 2>&1 || true
  buildah rm "$container" >/dev/null
}
trap cleanup EXIT
say "$(du -sm "$root" | cut -f1) MB in all, $(du -sm "$root/opt/deeprl" | cut -f1) MB of it Python packages"
[ -z "$(find "$root/usr/bin" -name '*gcc*')" ] || die "a compiler is in the image"
[ -z "${BUILD_ONLY:-}" ] || exit 0

rm -rf data bundle
mkdir -p data bundle
chown 1000:1000 data

# Start a container with these arguments, in the background; its output goes to container.log.
start() {
  rm -f bundle/config.json
  (cd bundle && runc spec)
  "$python" "$repo/docker/bundle.py" bundle "$root" "$work/data" "$core" "$name" "$@" <image.json
  runc --root "$work/runc" run --bundle bundle "$name" >container.log 2>&1 &
  runner=$!
}
# Wait until the container ends, with this exit code.
ends_with() {
  local code=0
  wait "$runner" || code=$?
  expect "the exit code of $1" "$code" "$2"
}
inside() { runc --root "$work/runc" exec --cwd /mnt/data "$name" "$@"; }
# A field of the only run of an experiment, read in the container.
field() { "$python" -c 'import json, sys; print(json.loads(sys.stdin.readline())[sys.argv[1]])' "$1"; }
expect() { [ "$2" = "$3" ] || { tail -n 20 container.log >&2; die "$1 is $2, not $3"; }; }
until_true() {
  local tries=300
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { tail -n 20 container.log >&2; die "waited in vain for: $*"; }
    sleep 0.2
  done
}

short='CP_basic+total_timesteps=20000'
from=$EPOCHREALTIME
start run CP_basic --seeds 1 --set total_timesteps=20000
ends_with "the run" 0
say "a run of 20,000 steps: exit code 0, $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $from }") s with the start of Python and torch"
start ls "$short" --json
ends_with "ls" 0
expect "the state" "$(field state <container.log)" finished

steps=$((200 * 1000 * 1000))
long="CP_basic+total_timesteps=$steps"
begin_long() { start run CP_basic --seeds 1 --set "total_timesteps=$steps"; }
begin_long
trained() { [ "$(inside deeprl ls "$long" --json | field step)" -gt "$1" ]; }
until_true trained 100000
# Its process, user and cores, for each process in the container.
look='for p in /proc/[0-9]*; do sed -n "s/^\(Uid\|Cpus_allowed_list\):\t\([0-9,-]*\).*/\2/p" $p/status 2>/dev/null | paste -sd " "; done'
processes=$(inside sh -c "$look" | sort | uniq -c)
[ "$(awk '{ print $2, $3 }' <<<"$processes")" = "1000 $core" ] || die "not all is user 1000 on core $core: $processes"
say "$(awk '{ print $1 }' <<<"$processes") processes, all of user 1000 and on core $core only"
backend=$(inside deeprl ls "$long" --json | field backend)
case $backend in "c "*) say "it learns with: $backend" ;; *) die "it learns with $backend: the kernel is missing" ;; esac
from=$EPOCHREALTIME
inside deeprl-health || die "the healthcheck fails in a container that is well"
say "healthcheck: well, $(awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $from }") s"

from=$EPOCHREALTIME
runc --root "$work/runc" kill "$name" TERM
ends_with "the container after SIGTERM" 143
say "SIGTERM: exit code 143 after $(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $from }") s"
[ -n "$(find data/runs -path "*$steps*" -name checkpoint)" ] || die "no checkpoint was left"
start ls "$long" --json
ends_with "ls" 0
expect "the state after SIGTERM" "$(field state <container.log)" queued
before=$(field checkpoint_step <container.log)
say "its run waits with a checkpoint at step $before"
start python /usr/local/bin/deeprl-health
ends_with "the healthcheck where a run waits for nobody" 1
say "healthcheck: ill: $(tail -n 1 container.log)"

begin_long
until_true trained "$before"
say "the same command goes on from there"
runc --root "$work/runc" kill "$name" TERM
ends_with "the container after SIGTERM" 143

start stay
until_true inside true
hello=$(echo '{"id": "1", "op": "open", "folder": "/mnt/data"}' | inside deeprl serve | head -n 1)
case $hello in *'"cores"'*) ;; *) die "deeprl serve says: $hello" ;; esac
say "stay: deeprl serve answers through exec: $hello"
runc --root "$work/runc" kill "$name" TERM
ends_with "stay after SIGTERM" 143
say "all as it should be; $work keeps the image"
