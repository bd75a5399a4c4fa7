"""The system's ssh as a program with arguments, and its faults in words.

Rule: no shell string is built. What a host is told stands in JSON on stdin; its command line is a constant.
`$DEEPRL_SSH` names another program, as GIT_SSH_COMMAND does for git.
"""

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from deeprl_tui.config.hosts import ADDRESS, Host
from deeprl_tui.core.text import clean
from deeprl_tui.errors import DeeprlError, ExitCode
from deeprl_tui.hosts import gce

SERVE: Final = "exec .deeprl/serve"
"""What runs on a host, from its home folder: put there by a push."""

FAILED: Final = 255
"""ssh's own exit code; any other is the remote command's."""

OPTIONS: Final = (
    "-T",
    "-o", "ServerAliveInterval=5",
    "-o", "ServerAliveCountMax=3",
    "-o", "ConnectTimeout=10",
)  # fmt: skip
"""A dead link is noticed after 15 s; everything else is the user's own configuration."""

SAID: Final = 20
"""Lines of the client's stderr that are kept, for the words of a fault."""
END_S: Final = 2.0

Kind: TypeAlias = Literal[
    "refused", "route", "name", "key", "unknown key", "changed key", "timeout", "busy", "lost", "remote"
]


class HostError(DeeprlError):
    """A host that cannot be reached or does not do what it is asked."""

    exit_code = ExitCode.UNREACHABLE

    def __init__(self, fault: str, *, place: str, remedy: str = "", kind: Kind = "remote") -> None:
        self.kind = kind
        super().__init__(fault, place=place, remedy=remedy)


@dataclass(frozen=True, slots=True)
class _Sign:
    """Words of ssh, and what they mean."""

    words: re.Pattern[str]
    kind: Kind
    fault: str
    remedy: str


_WORDS: Final[tuple[tuple[str, Kind, str, str], ...]] = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed",
        "changed key",
        "its host key is another one than before, so it was refused",
        "find out why; if the machine is new: ssh-keygen -R {host}",
    ),
    (
        r"host key verification failed|no .* host key is known",
        "unknown key",
        "its host key is not known",
        "look at it and accept it once: ssh {host}",
    ),
    (
        r"permission denied|too many authentication failures|no supported authentication",
        "key",
        "it does not let us in",
        "check that this works without a password: ssh {host} true",
    ),
    (
        r"could not resolve hostname|name or service not known",
        "name",
        "no machine of this name is known",
        "check the address in [hosts.*] or ~/.ssh/config",
    ),
    (r"connection refused", "refused", "nothing listens at its ssh port", "is sshd running there?"),
    (
        r"no route to host|network is unreachable|host is down",
        "route",
        "no network way leads to it",
        "is it switched on, and is this machine online?",
    ),
    (
        r"error reading .*banner|kex_exchange_identification|connection reset by|too many .*connections",
        "busy",
        "it dropped the connection at once",
        "too many at a time, or a firewall: it is tried again",
    ),
    (
        r"timed out|timeout, server .* not responding|broken pipe",
        "timeout",
        "it does not answer",
        "it is tried again; its runs go on",
    ),
)
_SIGNS: Final = tuple(
    _Sign(re.compile(words, re.IGNORECASE), kind, fault, remedy) for words, kind, fault, remedy in _WORDS
)

_UNREADY: Final = re.compile(
    r"\.deeprl/serve|no such container|container \S+ is not running|on running containers", re.IGNORECASE
)
"""What a shell, docker and podman say where nothing was pushed, or what was is gone."""


def program(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The ssh client as a list of arguments."""
    return shlex.split(environ.get("DEEPRL_SSH", "")) or ["ssh"]


def check_address(address: str) -> str:
    """Return the address. Raises ValueError if it is none."""
    if not ADDRESS.fullmatch(address) or len(address) > 255:
        raise ValueError(
            f"{address!r} is not an ssh address: write host, user@host, or a name of ~/.ssh/config"
        )
    return address


def command(
    address: str,
    remote: str = SERVE,
    *,
    ask: bool = False,
    client: Sequence[str] = (),
    options: Sequence[str] = (),
) -> list[str]:
    """The arguments that run a constant command on a host.

    ask: let ssh ask on its terminal, for a passphrase or an unknown key; without, it never waits for anybody.
    """
    batch = () if ask else ("-o", "BatchMode=yes")
    return [*(client or program()), *options, *OPTIONS, *batch, "--", check_address(address), remote]


def options_of(host: Host) -> list[str]:
    """What ssh needs to know of a host besides its address.

    A host names a project, never a file: a project that somebody sent could name one of its own.
    """
    return ["-F", str(gce.ssh_config(host.gce))] if host.gce else []


def explain(name: str, code: int, said: str, address: str = "") -> HostError:
    """What a connection ended of. said: the last lines of ssh's stderr."""
    lines = [line for line in (clean(line).strip() for line in said.splitlines()) if line]
    if code == FAILED:
        for sign in _SIGNS:
            if sign.words.search(said):
                remedy = sign.remedy.format(host=address or name)
                return HostError(sign.fault, place=name, remedy=remedy, kind=sign.kind)
    told = lines[-1][:200] if lines else "the connection ended"
    remedy = f"deeprl push {name}" if _UNREADY.search(told) else ""
    return HostError(
        told, place=name, remedy=remedy, kind="lost" if code in (FAILED, 0) or code < 0 else "remote"
    )


def start(name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the client with its three pipes. Raises HostError, placed at the host, if it cannot be."""
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # ctrl+c in the terminal is not for it
        )
    except OSError as error:
        fault = f"{words[0]} cannot be started ({error.strerror})"
        raise HostError(fault, place=name, remedy="install an ssh client") from None


def end(process: subprocess.Popen[bytes], *, at_once: bool = False) -> int:
    """End a client, close its pipes, and return its exit code. at_once: without asking it first."""
    process.kill() if at_once else process.terminate()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        return process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
