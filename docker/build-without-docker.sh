#!/usr/bin/env bash
# Builds the images and runs them where there is no Docker engine: buildah builds (chroot isolation) on a base
# that mmdebstrap makes, podman runs, with runc. As root, on Debian or Ubuntu:
#
#     docker/build-without-docker.sh [FOLDER]
#
# Shows each step with its time: a run finishes; `docker stop` in a longer one leaves a checkpoint, from which
# the same command goes on; the healthcheck tells well from ill; the notebook answers who has its token. FOLDER
# (default: deeprl-image in the folder for temporary files) keeps all of it, 4 GB; a base that is there is not
# made again. RUN_ONLY=1 takes the images that are there, BUILD_ONLY=1 ends with them. deeprl-tui.tar in FOLDER
# is the image for `docker load`, and for the test that pushes it to a host:
#
#     DEEPRL_TEST_IMAGE=FOLDER/deeprl-tui.tar ./dev test tests/remote/test_container.py
#
# Sources and certificates are those of pip's own settings.
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

[ "$(id -u)" = 0 ] || die "needs root: chroot isolation and containers without user namespaces do"
mkdir -p "$work"
cd "$work"

install_tools() {
  local tool missing=()
  for tool in buildah podman runc mmdebstrap curl; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  [ -x /usr/lib/podman/netavark ] || missing+=(netavark iptables) # for the notebook's port
  [ ${#missing[@]} = 0 ] && return
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"
}
step "tools" install_tools

driver=vfs
if grep -qw overlay /proc/filesystems; then driver=overlay; fi
export BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
printf '[storage]\ndriver = "%s"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' "$driver" "$work" "$work" >storage.conf
cat >containers.conf <<END
[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "eased"
tmp_dir = "$work/tmp"
[engine.runtimes]
eased = ["$repo/docker/runtime.py"]
END
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
  buildah bud --signature-policy policy.json --format docker --layers --target "$1" \
    --build-arg "BASE=$base" "${arguments[@]}" -f "$repo/docker/Dockerfile" \
    --ignorefile "$repo/.dockerignore" -t "$2" "$repo"
}
[ -n "${RUN_ONLY:-}" ] || step "image" build runtime "$image"

save() {
  rm -f deeprl-tui.tar
  buildah push --signature-policy policy.json "$image" "docker-archive:$work/deeprl-tui.tar:localhost/deeprl-tui:0.1.0"
}
if [ -z "${RUN_ONLY:-}" ]; then
  step "image with the notebook" build jupyter "$image-jupyter"
  step "archive" save
fi

container=$(buildah from --signature-policy policy.json "$image")
root=$(buildah mount "$container")
megabytes=$(du -sm "$root" | cut -f1) packages=$(du -sm "$root/opt/deeprl" | cut -f1)
compilers=$(find "$root/usr/bin" -name '*gcc*')
buildah rm "$container" >/dev/null
say "$megabytes MB in all, $packages MB of it Python packages"
[ -z "$compilers" ] || die "a compiler is in the image"
[ -z "${BUILD_ONLY:-}" ] || exit 0

# ---- Containers -----------------------------------------------------------------------------------------

name=deeprl-$$
rm -rf data
mkdir data
chown 1000:1000 data
# As a careful user starts them: no rights, no network, a root that cannot be written to, one core, 1 GB.
careful=(--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --stop-timeout 30
  --cpuset-cpus "$core" --memory 1g -v "$work/data:/mnt/data")
podman() { command podman --log-level fatal "$@"; } # without systemd it cannot look after the health by itself
cleanup() { podman rm -f -t 0 "$name" >/dev/null 2>&1 || true; }
trap cleanup EXIT

# Start a container with these arguments, in the background.
start() {
  cleanup
  podman run -d --name "$name" --network none "${careful[@]}" "$image" "$@" >/dev/null
}
# Wait until the container ends, with this exit code; its output goes to container.log.
ends_with() {
  local code
  code=$(podman wait "$name")
  podman logs "$name" >container.log 2>&1
  expect "the exit code of $1" "$code" "$2"
}
inside() { podman exec -i "$name" "$@"; }
# A field of the only run of an experiment, as `deeprl ls --json` says it.
field() { "$python" -c 'import json, sys; print(json.loads(sys.stdin.readline())[sys.argv[1]])' "$1"; }
expect() { [ "$2" = "$3" ] || { podman logs --tail 20 "$name" >&2; die "$1 is $2, not $3"; }; }
until_true() {
  local tries=300
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { podman logs --tail 20 "$name" >&2; die "waited in vain for: $*"; }
    sleep 0.2
  done
}
since() { awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $1 }"; }

short='CP_basic+total_timesteps=20000'
from=$EPOCHREALTIME
start run CP_basic --seeds 1 --set total_timesteps=20000
ends_with "the run" 0
say "a run of 20,000 steps: exit code 0, $(since "$from") s with the start of Python and torch"
start ls "$short" --json
ends_with "ls" 0
expect "the state" "$(field state <container.log)" finished

steps=$((200 * 1000 * 1000))
long="CP_basic+total_timesteps=$steps"
begin_long() { start run CP_basic --seeds 1 --set "total_timesteps=$steps"; }
begin_long
trained() { [ "$(inside deeprl ls "$long" --json | field step)" -gt "$1" ]; }
until_true trained 100000
# Its user and cores, for each process in the container.
look='for p in /proc/[0-9]*; do sed -n "s/^\(Uid\|Cpus_allowed_list\):\t\([0-9,-]*\).*/\2/p" $p/status 2>/dev/null | paste -sd " "; done'
processes=$(inside sh -c "$look" | sort | uniq -c)
[ "$(awk '{ print $2, $3 }' <<<"$processes")" = "1000 $core" ] || die "not all is user 1000 on core $core: $processes"
say "$(awk '{ print $1 }' <<<"$processes") processes, all of user 1000 and on core $core only"
backend=$(inside deeprl ls "$long" --json | field backend)
case $backend in "c "*) say "it learns with: $backend" ;; *) die "it learns with $backend: the kernel is missing" ;; esac
from=$EPOCHREALTIME
podman healthcheck run "$name" >/dev/null || die "the healthcheck fails in a container that is well"
say "healthcheck: well, $(since "$from") s"

from=$EPOCHREALTIME
podman stop "$name" >/dev/null
ends_with "the container that was stopped" 143
say "podman stop: exit code 143 after $(since "$from") s"
[ -n "$(find data/runs -path "*$steps*" -name checkpoint)" ] || die "no checkpoint was left"
start ls "$long" --json
ends_with "ls" 0
expect "the state after the stop" "$(field state <container.log)" queued
before=$(field checkpoint_step <container.log)
say "its run waits with a checkpoint at step $before"
start python /usr/local/bin/deeprl-health
ends_with "the healthcheck where a run waits for nobody" 1
say "healthcheck: ill: $(tail -n 1 container.log)"

begin_long
until_true trained "$before"
say "the same command goes on from there"
podman stop "$name" >/dev/null

start stay
further() { [ "$(inside deeprl ls "$long" --json | field attempt)" = 3 ]; }
until_true further
say "stay: what waited goes on, in its third attempt"
hello=$(echo '{"id": "1", "op": "open", "folder": "/mnt/data"}' | inside deeprl serve | sed -n 1p)
case $hello in *'"cores"'*) ;; *) die "deeprl serve says: $hello" ;; esac
say "deeprl serve answers through exec: $hello"
podman stop "$name" >/dev/null
ends_with "stay that was stopped" 143

# ---- The notebook ---------------------------------------------------------------------------------------

port=${PORT:-8888}
cleanup
from=$EPOCHREALTIME
podman run -d --name "$name" -p "127.0.0.1:$port:8888" -v "$work/data:/mnt/data:ro" "$image-jupyter" >notebook.log 2>&1
status() { curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/api/contents$1"; }
answers() { [ "$(status "")" = 403 ]; }
until_true answers
say "notebook: 403 without its token, after $(since "$from") s"
token=$(podman logs "$name" 2>&1 | sed -n 's/.*token=\([0-9a-f]\{20,\}\).*/\1/p' | sort -u)
expect "the answer to who has the token" "$(status "?token=$token")" 200
podman healthcheck run "$name" >/dev/null || die "the notebook's healthcheck fails"
say "notebook: 200 with it, and its healthcheck is well"
inside jupyter nbconvert --to notebook --execute --output-dir /tmp /home/deeprl/results.ipynb >notebook.log 2>&1 ||
  { tail -n 20 notebook.log >&2; die "results.ipynb fails"; }
say "results.ipynb runs to its end on these runs"
say "all as it should be; $work keeps the images"
