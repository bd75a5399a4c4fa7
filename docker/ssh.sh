#!/bin/sh
# Stands for ssh where deeprl is in a container on the other side:
#
#     DEEPRL_SSH="$PWD/docker/ssh.sh" deeprl-tui
#
# DEEPRL_CONTAINER is the container's name there (default: deeprl). What ssh was to run, its last argument, is
# replaced; all others are passed through.
set -eu
name=${DEEPRL_CONTAINER:-deeprl}
case $name in
  '' | -* | *[!A-Za-z0-9_.-]*)
    printf 'deeprl: DEEPRL_CONTAINER: %s is no name of a container; docker ps shows them\n' "$name" >&2
    exit 2
    ;;
esac
left=$#
while [ "$left" -gt 1 ]; do
  set -- "$@" "$1"
  shift
  left=$((left - 1))
done
shift
exec ssh "$@" "exec docker exec -i $name deeprl serve"
