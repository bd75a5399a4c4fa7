#!/bin/bash
# What a machine made by `deeprl gce up` does each time it starts: the user, what a push needs, and two units.
#
#   idle       every minute: power off when no process of the user ran for a while but those of who watches
#   farewell   when the machine goes down (a spot machine has 30 s): workers write their checkpoints first
#
# Runs as root from the metadata server, without any rights in the cloud. Repeating it is harmless.
set -euo pipefail
user=deeprl
metadata=${GCE_METADATA_HOST:-metadata.google.internal}
place=${DEEPRL_PLACE:-/usr/local/sbin/deeprl-machine}
state=${DEEPRL_STATE:-/run/deeprl}
units=${DEEPRL_UNITS:-/etc/systemd/system}

attribute() { # name, default
  curl -sf -m 5 -H 'Metadata-Flavor: Google' \
    "http://$metadata/computeMetadata/v1/instance/attributes/$1" || echo "$2"
}

# Processes of the user that mean work: all but what systemd keeps for a user who lingers, and those of a
# dashboard that looks on from elsewhere.
busy() {
  ps -u "$user" -o comm=,args= |
    grep -qvE '^(systemd|\(sd-pam\)|dbus-daemon|dbus-broker|ssh-agent|gpg-agent|sshd|sshd-session) |/deeprl serve$'
}

idle() {
  local limit minutes=0
  limit=$(cat "$state/idle-minutes")
  if [ "$limit" = 0 ] || busy; then
    rm -f "$state/idle"
    return
  fi
  [ -r "$state/idle" ] && minutes=$(cat "$state/idle")
  minutes=$((minutes + 1))
  echo "$minutes" >"$state/idle"
  if [ "$minutes" -ge "$limit" ]; then
    echo "idle for $minutes minutes: powering off"
    systemctl poweroff
  fi
}

# The supervisor asks its workers; each goes to its next safe point and writes a checkpoint. Nothing is begun
# from then on, and who watches has some seconds to bring the checkpoints home.
farewell() {
  mkdir -p "$state" && touch "$state/farewell"
  pkill -TERM -u "$user" -f deeprl_tui.supervisor || return 0
  wait_for deeprl_tui.supervisor 70
  wait_for 'deeprl(_tui)? serve' 40
}

wait_for() { # what, fifths of a second
  for _ in $(seq 1 "$2"); do
    pgrep -u "$user" -f "$1" >/dev/null || return 0
    sleep 0.2
  done
}

install_parts() {
  id "$user" >/dev/null 2>&1 || useradd -m -s /bin/bash "$user"
  loginctl enable-linger "$user"
  if ! command -v rsync >/dev/null || ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq -o DPkg::Lock::Timeout=300
    apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends python3 python3-venv rsync
  fi
}

install_units() {
  mkdir -p "$state"
  rm -f "$state/farewell"
  attribute deeprl-idle-minutes 0 | grep -xE '[0-9]{1,5}' >"$state/idle-minutes" || echo 0 >"$state/idle-minutes"
  [ "$(realpath "$0")" = "$place" ] || install -m 0755 "$0" "$place"
  cat >"$units/deeprl-idle.service" <<UNIT
[Unit]
Description=Power off when nothing is trained
[Service]
Type=oneshot
ExecStart=$place idle
UNIT
  cat >"$units/deeprl-idle.timer" <<UNIT
[Unit]
Description=Look every minute whether anything is trained
[Timer]
OnActiveSec=60
OnUnitActiveSec=60
AccuracySec=5
UNIT
  # Stopped before the network and ssh are, so that the last words still arrive.
  cat >"$units/deeprl-farewell.service" <<UNIT
[Unit]
Description=Let workers write their checkpoints before the machine goes down
After=network-online.target ssh.service user.slice systemd-logind.service
Wants=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=$place farewell
TimeoutStopSec=25
UNIT
  systemctl daemon-reload
  systemctl restart deeprl-idle.timer
  systemctl start deeprl-farewell.service
}

case ${1:-install} in
  idle) idle ;;
  farewell) farewell ;;
  install)
    install_units # first: what saves money works even if a package server does not
    install_parts
    ;;
  *)
    echo "no such part: $1" >&2
    exit 2
    ;;
esac
