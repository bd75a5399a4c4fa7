"""`[hosts.NAME]` tables: other machines that hold runs.

Rule: a host is an ssh address and what this project wants of it. How to get in is ssh's own configuration.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from deeprl_tui.config.read import Document
from deeprl_tui.config.text import Fault, shown, suggest, type_name
from deeprl_tui.config.values import check_float, check_int, check_text
from deeprl_tui.core.text import FOLDER as FOLDER
from deeprl_tui.errors import Problem

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
LOCAL: Final = "local"
"""What this machine is called; no other host may be."""
ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_][A-Za-z0-9_.:-]*")
"""`[user@]host`, or a name of ~/.ssh/config: never an option, never a word for a shell."""
CLOUD: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?")
_PART: Final = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
IMAGE: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"
    rf"{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
"""`[registry[:port]/]name[:tag][@sha256:digest]`: no option, no word for a shell."""
Engine: TypeAlias = Literal["docker", "podman"]
ENGINES: Final[tuple[Engine, ...]] = get_args(Engine)
MOST_CORES: Final = 4096

HOST_KEYS: Final[Mapping[str, str]] = {
    "address": "ssh address: user@host, or a name of ~/.ssh/config. Default: the host's name here.",
    "root": "Folder on the host for its runs. Default: ~/deeprl.",
    "cores": "How many of its cores workers may use. Default: all that it has.",
    "python": "Its Python, 3.11 or newer. Default: python3.",
    "image": "Container image that holds Python and all else. Default: none, the host's own Python.",
    "engine": "What runs the image there: docker or podman. Default: docker.",
    "price": "What an hour of it costs, in dollars. Default: unknown.",
    "made": "When the cloud made it, in seconds since 1970: it costs from then on. Default: unknown.",
    "gce": "The project whose `deeprl gce up` made it, so that ssh finds its key. Default: none.",
}


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that runs may be sent to."""

    name: str
    address: str
    root: str = "~/deeprl"
    cores: int | None = None  # at most; None: all
    python: str = "python3"
    price: float | None = None  # for an hour, in dollars
    gce: str = ""  # label of the project that made it in the cloud; empty: ssh's own configuration
    image: str = ""  # of containers; empty: no container
    engine: Engine = "docker"
    made: float | None = None  # seconds since 1970; None: it costs only while its workers run


def decode_hosts(document: Document, file: str, value: object) -> tuple[dict[str, Host], list[Problem]]:
    """Check all host tables; those with a problem are left out, and every problem is reported."""
    problems: list[Problem] = []

    def report(path: tuple[str, ...], table: str, key: str, fault: Fault) -> None:
        problems.append(Problem(file, document.line(*path), table, key, fault.reason, fault.remedy))

    if not isinstance(value, dict):
        fault = Fault(f"must be a table, not {type_name(value)}", "write [hosts.NAME]")
        report(("hosts",), "", "hosts", fault)
        return {}, problems
    hosts: dict[str, Host] = {}
    for name, content in value.items():
        path, table, before = ("hosts", name), f"hosts.{shown(name)}", len(problems)
        if not isinstance(content, dict):
            report(path, "hosts", shown(name), Fault("must be a table of a host", "write [hosts.NAME]"))
            continue
        if not NAME.fullmatch(name) or name == LOCAL:
            fault = Fault("is not a name for a host", f"use letters, digits, _ and -, not {LOCAL}")
            report(path, table, "", fault)
        found: dict[str, object] = {}
        for key, entry in content.items():
            try:
                found[key] = _check(key, entry)
            except Fault as fault:
                report((*path, key), table, shown(key), fault)
        if len(problems) == before:
            hosts[name] = Host(name, **{"address": name, **found})
    return hosts, problems


def _check(key: str, value: object) -> object:
    """Check one value. Raises Fault."""
    match key:
        case "address":
            return _fits(value, ADDRESS, "write host, user@host, or a name of ~/.ssh/config")
        case "root":
            return _fits(value, FOLDER, "use letters, digits, _ . - and /, for example ~/deeprl")
        case "python":
            return _fits(value, FOLDER, "write python3, or its path on the host")
        case "image":
            return _fits(value, IMAGE, "write REGISTRY/NAME:TAG, for example deeprl-tui:0.1.0")
        case "engine":
            if value not in ENGINES:
                raise Fault("cannot be used", f"write {' or '.join(ENGINES)}")
            return value
        case "gce":
            return _fits(value, CLOUD, "write the project's label: small letters, digits and -")
        case "cores":
            return check_int(value, 1, MOST_CORES)
        case "price" | "made":
            return check_float(value, 0)
        case _:
            raise Fault("unknown key", suggest(key, HOST_KEYS))


def _fits(value: object, pattern: re.Pattern[str], remedy: str) -> str:
    text = check_text(value, 255)
    if not pattern.fullmatch(text):
        raise Fault("cannot be used", remedy)
    return text
