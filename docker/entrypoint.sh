#!/bin/sh
# What a container of deeprl does: it works in the data folder, and its words are those of `deeprl`.
#
#     run NAME... [OPTION...]   deeprl run --headless: SIGTERM brings the workers to their checkpoints
#     stay                      train what waits, wait for `docker exec`, and end what was started on SIGTERM
#     jupyter [OPTION...]       look at results (image :jupyter)
#     sh, python, deeprl-tui    that program
#     anything else             deeprl, with these arguments
#
# Rule: arguments are passed through as they are, and the last program replaces this one.
set -eu

data=${DEEPRL_DATA:-/mnt/data}
study=${DEEPRL_STUDY:-/usr/local/share/deeprl/experiments.toml}
notebook=${DEEPRL_NOTEBOOK:-/usr/local/share/deeprl/results.ipynb}

die() {
  printf 'deeprl: %s\n' "$1" >&2
  exit 2
}

# With --user or --read-only the home folder may not be ours.
[ -n "${HOME:-}" ] && [ -w "$HOME" ] || export HOME=/tmp

enter() {
  mkdir -p "$data" 2>/dev/null || true
  [ -d "$data" ] || die "$data: there is no such folder; mount one: docker run -v data:$data ..."
  cd "$data" 2>/dev/null || die "$data: user $(id -u) may not enter it; chown it, or docker run --user UID:GID"
}

need_to_write() {
  [ -w . ] && return
  die "$data: user $(id -u) may not write there; chown it to $(id -u), or docker run --user UID:GID with its owner"
}

# The study's experiments are there to begin with. Written aside first: another container may read it now.
bring_experiments() {
  [ -e experiments.toml ] || [ ! -w . ] && return
  cp "$study" ".experiments.toml.$$" && mv -n ".experiments.toml.$$" experiments.toml
  rm -f ".experiments.toml.$$"
}

# The supervisors of the data folder: whoever started them by `docker exec` may be gone.
supervisors() {
  grep -lszxF deeprl_tui.supervisor /proc/[0-9]*/cmdline | xargs -r grep -lszF "$data/" | cut -d/ -f3
}

leave() {
  trap '' TERM INT
  for pid in $(supervisors); do kill -TERM "$pid" 2>/dev/null || true; done
  while [ -n "$(supervisors)" ]; do sleep 0.2; done
  [ -z "$sleeper" ] || kill "$sleeper" 2>/dev/null || true
  exit 143
}

# A machine that was off, or a container that took another's place: its runs go on.
go_on() {
  [ -d runs ] || return 0
  python -c 'import sys; from pathlib import Path; from deeprl_tui import ops; ops.supervise(Path(sys.argv[1]))' "$data/runs" || true
}

stay() {
  sleeper=
  trap leave TERM INT
  go_on
  sleep infinity &
  sleeper=$!
  wait "$sleeper"
}

enter
case ${1:-} in
  run)
    need_to_write
    bring_experiments
    shift
    exec deeprl run --headless "$@"
    ;;
  stay)
    need_to_write
    bring_experiments
    stay
    ;;
  jupyter)
    shift
    command -v jupyter-lab >/dev/null || die "jupyter: not in this image; build it with --target jupyter"
    [ -e "$HOME/results.ipynb" ] || cp "$notebook" "$HOME/results.ipynb"
    cd "$HOME"
    exec jupyter-lab --no-browser "$@"
    ;;
  sh | python | deeprl-tui)
    bring_experiments
    exec "$@"
    ;;
  *)
    bring_experiments
    exec deeprl "$@"
    ;;
esac
