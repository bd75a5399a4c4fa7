"""A host whose Python is that of a container image: one container for each project, kept by its engine.

Rule: nothing but a shell and the engine is needed there. What they do are lists of arguments, which come as
data over stdin; the only program is a constant. Whatever trains is never stopped for a newer image.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Final

import deeprl_tui
from deeprl_tui.config.hosts import FOLDER, Host
from deeprl_tui.core.text import clean
from deeprl_tui.hosts.ssh import HostError

DATA: Final = "/mnt/data"
"""Where the project's folder on the host is in the container."""
HOME: Final = "/home/deeprl"
"""Its home folder there: what the project's code is trusted by must outlive the container."""
LOCKS: Final = "/run/deeprl"
"""Locks of cores, shared by all containers of one user on one host."""

RELAY: Final = (
    "exec sh -c 'while read -r end n; do set --; "
    'while [ "$n" -gt 0 ]; do IFS= read -r word || exit; set -- "$@" "$word"; n=$((n - 1)); done; '
    '[ "$end" = last ] && exec "$@"; "$@" </dev/null 2>&1; printf "\\n%s %s\\n" "$end" "$?"; done\''
)
"""Runs lists of arguments until one is the last: that one takes over. A list that is cut off is not run."""
_PLACES: Final = (
    'CDPATH= && mkdir -p -- "$@" && for one do (cd -- "$one" && pwd -P) || exit; done && '
    "id -u && id -g && uname -n"
)
_WORKS: Final = "grep -lszxF deeprl_tui.supervisor /proc/[0-9]*/cmdline"
_VERSION: Final = "from importlib import metadata; print('deeprl-tui', metadata.version('deeprl-tui'))"
_IMAGE: Final = re.compile(r"((?:sha256:)?[0-9a-f]{64}) (\[.*\]|null)")
_NODE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ROOTLESS: Final = {"docker": "{{.SecurityOptions}}", "podman": "rootless={{.Host.Security.Rootless}}"}
_GPUS: Final = {"docker": ("--gpus", "all"), "podman": ("--device", "nvidia.com/gpu=all")}
LONGEST: Final = 65_536
KEPT: Final = 200
"""Lines of one command's output that are kept, the last ones."""
LAST_WORDS: Final = 5


def name_of(folder: str) -> str:
    """What the container of a project is called. folder: the project's own on the host."""
    return f"deeprl-{folder.rpartition('/')[2]}"


def serving(host: Host, folder: str) -> str:
    """The command that speaks for a project's container: of names only that were checked."""
    return f"exec {host.engine} exec -i {name_of(folder)} deeprl serve"


class Relay:
    """The other end of RELAY. Raises EOFError where the connection ended."""

    def __init__(self, into: IO[bytes], out: IO[bytes], token: str = "") -> None:
        self._into = into
        self._out = out
        self._end = f"end-{token or os.urandom(8).hex()}"  # nothing that a command prints looks like it

    def run(self, *words: str) -> tuple[int, list[str]]:
        """Run a command; its exit code, and the last lines that it printed."""
        self._send(self._end, words)
        said: list[str] = []
        while line := self._out.readline(LONGEST):
            text = line.decode(errors="replace").strip()
            end, _, code = text.partition(" ")
            if end == self._end and code.isdigit():
                return int(code), said
            if text:
                said.append(clean(text))
                del said[:-KEPT]
        raise EOFError

    def last(self, *words: str) -> None:
        """Let a command take over the connection."""
        self._send("last", words)

    def _send(self, how: str, words: Sequence[str]) -> None:
        if any("\n" in word or "\0" in word for word in words):
            raise ValueError("an argument is one line")
        self._into.write("\n".join([f"{how} {len(words)}", *words, ""]).encode())
        self._into.flush()


@dataclass(frozen=True, slots=True)
class _Places:
    """What the host says of itself; all of it checked."""

    data: str
    home: str
    locks: str
    uid: int
    gid: int
    node: str


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs."""

    image: str  # its id
    made: bool  # now; False: it was there as it should be
    python: tuple[str, ...]  # what runs Python in it, and takes a program


def prepare(
    relay: Relay,
    host: Host,
    folder: str,
    *,
    say: Callable[[str], None] = lambda _: None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Container:
    """See that a project's container runs as it should. Raises HostError, and EOFError for a cut.

    folder: the project's own on the host.
    """
    name, engine = name_of(folder), host.engine
    places = _places(relay, host, folder, name)
    user = _user(relay, host, places)
    image, environ = _image(relay, host, say, monotonic)
    gpus = _GPUS[engine] if "NVIDIA_VISIBLE_DEVICES" in environ else ()
    wanted = [*_options(places, _cores(relay, host)), *user, *gpus]
    mark = hashlib.sha256(json.dumps([image, wanted]).encode()).hexdigest()[:12]
    running, labels = _found(relay, host, name)
    owner = None if labels is None else clean(str(labels.get("deeprl.folder", "no project")))
    if owner not in (None, places.data):
        raise HostError(
            f"container {name} is of {owner}, not of {places.data}",
            place=host.name,
            remedy='give the project another name: [project] name = "..."',
        )
    made = labels is None or labels.get("deeprl.made") != mark
    if made:
        if labels is not None:
            _remove_idle(relay, host, name, running)
        marks = ["--label", f"deeprl.folder={places.data}", "--label", f"deeprl.made={mark}"]
        _do(relay, host, "run", "-d", "--name", name, *wanted, *marks, host.image, "stay")
    elif not running:
        _do(relay, host, "start", name)
    try:
        _check_version(relay, host, name)
    except HostError:
        if made:  # or the engine would start it again and again
            relay.run(engine, "rm", "-f", "-v", name)
        raise
    return Container(image, made, (engine, "exec", "-i", name, "python", "-u", "-c"))


def _options(places: _Places, cores: Sequence[int]) -> list[str]:
    """What the container may and has, for `ENGINE run`."""
    return [
        "--restart", "unless-stopped",
        "--stop-timeout", "30",
        "--network", "none",
        "--hostname", places.node,
        "--read-only",
        "--tmpfs", "/tmp",  # noqa: S108  the container's own
        "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges",
        "--security-opt", "label=disable",
        "-v", f"{places.data}:{DATA}",
        "-v", f"{places.home}:{HOME}",
        "-v", f"{places.locks}:{LOCKS}",
        "-e", f"HOME={HOME}",
        "-e", f"DEEPRL_DATA={DATA}",
        "-e", f"DEEPRL_LOCK_DIR={LOCKS}/cores",
        *(("--cpuset-cpus", ",".join(map(str, cores))) if cores else ()),
    ]  # fmt: skip


def _do(relay: Relay, host: Host, *words: str, remedy: str = "") -> None:
    """Run the engine. Raises HostError with its last word."""
    code, said = relay.run(host.engine, *words)
    if code:
        told = said[-1][:300] if said else f"exit code {code}"
        raise HostError(f"{host.engine} {words[0]}: {told}", place=host.name, remedy=remedy)


def _places(relay: Relay, host: Host, folder: str, name: str) -> _Places:
    """Make the folders there, and learn where they are and whose."""
    folders = (folder.removeprefix("~/"), f".deeprl/containers/{name}", ".deeprl/containers/locks")
    code, said = relay.run("sh", "-c", _PLACES, "deeprl", *folders)
    if code or len(said) < 6:
        told = said[-1] if said else "no answer"
        raise HostError(told, place=host.name, remedy=f"name another root in [hosts.{host.name}]")
    *paths, uid, gid, node = said[-6:]
    for path in paths:
        if not FOLDER.fullmatch(path) or not path.startswith("/"):
            remedy = f"name a root with letters, digits, _ . - and / in [hosts.{host.name}]"
            raise HostError(f"{path!r} cannot be mounted", place=host.name, remedy=remedy)
    if not uid.isdigit() or not gid.isdigit():
        raise HostError(f"says {uid!r} of its user", place=host.name)
    short = node.partition(".")[0]
    data, home, locks = paths
    return _Places(data, home, locks, int(uid), int(gid), short if _NODE.fullmatch(short) else "deeprl")


def _user(relay: Relay, host: Host, places: _Places) -> list[str]:
    """Who the container is: in the folders that it shares it must be the user that ssh logs in as."""
    engine = host.engine
    code, said = relay.run(engine, "info", "--format", _ROOTLESS[engine])
    told = said[-1][:300] if said else f"exit code {code}"
    if code == 127:
        remedy = f"install it there, or name the one that is in [hosts.{host.name}]: engine"
        raise HostError(f"has no {engine}", place=host.name, remedy=remedy)
    if code:
        remedy = f"see that this works there without sudo: {engine} info"
        raise HostError(f"{engine}: {told}", place=host.name, remedy=remedy)
    if engine == "docker" and "name=rootless" in " ".join(said):
        return ["--user", "0:0"]
    mapped = ["--userns", "keep-id"] if engine == "podman" and "rootless=true" in said else []
    return [*mapped, "--user", f"{places.uid}:{places.gid}"]


def _cores(relay: Relay, host: Host) -> list[int]:
    """The cores that the container gets; none named: all that the engine may use."""
    if host.cores is None:
        return []
    code, said = relay.run("sed", "-n", r"s/^Cpus_allowed_list:[[:space:]]*//p", "/proc/self/status")
    if code or not said or not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", said[-1]):
        raise HostError("does not say which cores it has", place=host.name)
    cores: list[int] = []
    for part in said[-1].split(","):
        first, _, last = part.partition("-")
        cores += range(int(first), int(last or first) + 1)
    return cores[: host.cores]


def _image(
    relay: Relay, host: Host, say: Callable[[str], None], monotonic: Callable[[], float]
) -> tuple[str, str]:
    """The id of the image and its environment; it is fetched if the host has none of this name."""
    ask = (host.engine, "image", "inspect", "--format", "{{.Id}} {{json .Config.Env}}", host.image)
    code, said = relay.run(*ask)
    if code:
        began = monotonic()
        say(f"{host.name}: fetching {host.image}")
        remedy = f"{host.engine} login there if it needs one; without a registry: "
        remedy += f"{host.engine} save {host.image} | ssh {host.address} {host.engine} load"
        _do(relay, host, "pull", "-q", host.image, remedy=remedy)
        say(f"{host.name}: fetched after {monotonic() - began:.1f} s")
        code, said = relay.run(*ask)
    found = next(filter(None, map(_IMAGE.fullmatch, reversed(said))), None)
    if code or found is None:
        told = said[-1][:300] if said else "no answer"
        raise HostError(f"{host.engine} image inspect: {told}", place=host.name)
    return found[1].removeprefix("sha256:"), found[2]


def _found(relay: Relay, host: Host, name: str) -> tuple[bool, dict[str, object] | None]:
    """Whether the project's container runs, and its labels; no labels where there is none."""
    form = "running={{.State.Running}} {{json .Config.Labels}}"
    code, said = relay.run(host.engine, "container", "inspect", "--format", form, name)
    for line in said if not code else ():
        running, _, labels = line.partition(" ")
        if running in ("running=true", "running=false"):
            try:
                found = json.loads(labels)
            except (ValueError, RecursionError):
                found = None
            return running == "running=true", found if isinstance(found, dict) else {}
    return False, None


def _remove_idle(relay: Relay, host: Host, name: str, running: bool) -> None:
    """Make room for another container. Raises HostError where something trains."""
    if running:
        _, said = relay.run(host.engine, "exec", name, "sh", "-c", _WORKS)
        if any(line.startswith("/proc/") for line in said):
            raise HostError(
                f"trains in container {name}, which is of another image or other settings: it stays",
                place=host.name,
                remedy="push again when its runs are over, or stop them",
            )
    _do(relay, host, "stop", name)
    _do(relay, host, "rm", "-v", name)


def _check_version(relay: Relay, host: Host, name: str) -> None:
    """Raise HostError unless the container answers, with this version."""
    code, said = relay.run(host.engine, "exec", name, "python", "-c", _VERSION)
    there = next((line.partition(" ")[2] for line in said if line.startswith("deeprl-tui ")), "")
    if code or not there:
        _, logs = relay.run(host.engine, "logs", "--tail", str(LAST_WORDS), name)
        told = " / ".join([*logs, *said][-LAST_WORDS:])[:500]
        remedy = "docker/README.md says how an image is made"
        raise HostError(f"{host.image} does not start: {told}", place=host.name, remedy=remedy)
    ours = deeprl_tui.__version__
    if there != ours:
        raise HostError(
            f"{host.image} has deeprl-tui {there[:40]}, here is {ours}",
            place=host.name,
            remedy=f"name an image of {ours} in [hosts.{host.name}]",
        )
