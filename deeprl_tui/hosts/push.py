"""Bringing a host to the state of this machine: the same version, the same dependencies, the project's files.

Rule: one connection, one constant command; the host is asked what it has before anything is sent.
"""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import IO, Any

from deeprl_tui.config.hosts import FOLDER, Host
from deeprl_tui.core.text import clean
from deeprl_tui.hosts import container, parcel
from deeprl_tui.hosts.bootstrap import LEAST
from deeprl_tui.hosts.parcel import Environment, Piece
from deeprl_tui.hosts.ssh import SAID, HostError, command, end, explain, options_of, start

READER = "import sys;i=sys.stdin.buffer;exec(compile(i.read(int(i.readline())),'deeprl','exec'))"
"""What the host's Python is told: to take a program from stdin. No quotes but its own."""
LARGEST_LINE = 65_536
_FULL = re.compile(r"No space left on device|Disk quota exceeded")
LAST_WORDS_S = 2.0
"""What ssh says of a connection that ended comes within this time."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did."""

    env: str  # its digest; with a container, the beginning of the image's id
    sent: int  # bytes
    installed: bool  # False: the host had it all
    seconds: float
    facts: dict[str, Any]


def push(
    host: Host,
    folder: str,
    project: Sequence[Piece] = (),
    *,
    wheels: Sequence[Piece] = (),
    say: Callable[[str], None] = lambda _: None,
    pack: Callable[[str], Environment] = parcel.environment,
    monotonic: Callable[[], float] = time.monotonic,
) -> Pushed:
    """Make a host ready. Raises HostError with the place, the fault and the remedy.

    folder: of the project on the host. wheels: send these, where the host has no way to a package index.
    """
    if not FOLDER.fullmatch(folder) or not FOLDER.fullmatch(host.python):
        raise HostError(
            f"{folder!r} cannot be a folder", place=host.name, remedy="use letters, digits, _ . - and /"
        )
    if host.image and wheels:
        raise HostError(
            "is a container: its image has the packages", place=host.name, remedy="leave --wheels out"
        )
    began = monotonic()
    first = container.RELAY if host.image else f'exec {host.python} -u -c "{READER}"'
    process = start(host.name, command(host.address, first, options=options_of(host)))
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    said: list[str] = []
    reader = threading.Thread(target=_drain, args=(process.stderr, said), daemon=True)
    reader.start()
    try:
        program = resources.files("deeprl_tui.hosts").joinpath("bootstrap.py").read_bytes()
        box = None
        parts: list[Piece] = []
        try:
            if host.image:
                relay = container.Relay(process.stdin, process.stdout)
                box = container.prepare(relay, host, folder, say=say, monotonic=monotonic)
                relay.last(*box.python, READER)
            _send(process.stdin, b"%d\n%s" % (len(program), program))
            facts = _hear(process.stdout, host).get("facts")
            if not isinstance(facts, dict):
                raise _ended(process, host, said, reader)
            _check(facts, host)
            if box:
                name, fresh, request = box.image[:12], box.made, {"folder": container.DATA}
            else:
                env = pack(str(facts.get("machine", "")))
                name, fresh = env.digest, env.digest not in facts.get("envs", [])
                parts, request = _environment(env, wheels if fresh else None, folder, facts)
            sent = _deliver(process.stdin, request, parts, project)
            if parts:
                say(f"{host.name}: sent {sent / 1e6:.1f} MB")
            while not (told := _hear(process.stdout, host)).get("done"):
                if not told:
                    raise _ended(process, host, said, reader)
                if "step" in told:
                    seconds = told.get("seconds")
                    after = f" after {seconds} s" if seconds is not None else ""
                    say(f"{host.name}: {clean(str(told['step']))}{after}")
        except (BrokenPipeError, EOFError):
            raise _ended(process, host, said, reader) from None
        return Pushed(name, sent, fresh, monotonic() - began, facts)
    finally:
        end(process)


def _environment(
    env: Environment, wheels: Sequence[Piece] | None, folder: str, facts: dict[str, Any]
) -> tuple[list[Piece], dict[str, Any]]:
    """The files of an environment, and what the host is told of it. wheels: None where it has it all."""
    moved = [Piece(f"wheels/{wheel.name}", wheel.data) for wheel in wheels or ()]
    parts = [] if wheels is None else [env.wheel, env.installer, *moved]
    return parts, {
        "env": env.digest,
        "wheel": env.wheel.name,
        "installer": env.installer.name,
        "requirements": list(env.requirements),
        "wheels": bool(wheels),
        "cpu": not facts.get("gpu"),
        "folder": folder,
        "files": [_entry(part) for part in parts],
    }


def _deliver(
    into: IO[bytes], request: dict[str, Any], parts: Sequence[Piece], project: Sequence[Piece]
) -> int:
    """Send the request and its files; returns the bytes."""
    whole = {**request, "project": [_entry(part) for part in project]}
    _send(into, json.dumps(whole).encode() + b"\n")
    for part in (*parts, *project):
        _send(into, part.data)
    return sum(len(part.data) for part in (*parts, *project))


def _entry(piece: Piece) -> dict[str, Any]:
    return {"name": piece.name, "size": len(piece.data), "sha256": piece.sha256}


def _send(into: IO[bytes], data: bytes) -> None:
    into.write(data)
    into.flush()


def _drain(pipe: IO[bytes], said: list[str]) -> None:
    for line in pipe:
        said.append(line.decode(errors="replace"))
        del said[:-SAID]


def _hear(out: IO[bytes], host: Host) -> dict[str, Any]:
    """The next line of the bootstrap; nothing when the connection ended. Raises HostError for its errors."""
    line = out.readline(LARGEST_LINE)
    if not line:
        return {}
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        words = clean(line[:80].decode(errors="replace").strip())
        remedy = "let its shell start files print nothing without a terminal"
        raise HostError(f"says {words!r} before anything was asked", place=host.name, remedy=remedy)
    if "error" in told:
        fault, remedy = _clean_lines(str(told["error"])), "then push again"
        if _FULL.search(fault):
            fault = f"has no space left ({fault.splitlines()[-1]})"
            remedy = "make room in its home folder: an environment takes about 1 GB; then push again"
        raise HostError(fault, place=host.name, remedy=remedy)
    return told


def _clean_lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines()[:20])


def _check(facts: dict[str, Any], host: Host) -> None:
    version = tuple(facts.get("python", ()))
    if version < LEAST:
        raise _too_old(host, f"Python {'.'.join(map(str, version))}")
    if facts.get("system") != "Linux":
        raise HostError(f"runs {clean(str(facts.get('system')))}, not Linux", place=host.name)
    if host.image:
        return
    if facts.get("readonly") is True:
        raise HostError(
            "its home folder is read-only", place=host.name, remedy="let it be writable, then push again"
        )
    if facts.get("noexec") is True:
        raise HostError(
            "forbids programs in its home folder (noexec)",
            place=host.name,
            remedy="let ~/.deeprl there be a link to a folder that allows them, then push again",
        )


def _too_old(host: Host, what: str) -> HostError:
    least = ".".join(map(str, LEAST))
    remedy = f'name a newer one in [hosts.{host.name}]: python = "python{least}"'
    return HostError(f"{host.python} is {what}, older than {least}", place=host.name, remedy=remedy)


def _ended(
    process: subprocess.Popen[bytes], host: Host, said: list[str], reader: threading.Thread
) -> HostError:
    try:
        code = process.wait(LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        process.terminate()
        code = process.wait()
    reader.join(LAST_WORDS_S)
    error = explain(host.name, code, "".join(said), host.address)
    if "python" in error.fault and ("not found" in error.fault or "No such file" in error.fault):
        remedy = (
            f'install Python {LEAST[0]}.{LEAST[1]} there, or name it in [hosts.{host.name}]: python = "..."'
        )
        return HostError(f"has no {host.python}", place=host.name, remedy=remedy)
    if error.fault.startswith("SyntaxError"):  # it cannot even read what asks for its version
        return _too_old(host, "a Python of long ago")
    return error
