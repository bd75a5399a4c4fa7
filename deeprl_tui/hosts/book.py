"""Which hosts a project knows: those of its file, and those that commands added.

Rule: the file wins. What a command wrote is checked like the file, and left out where it is damaged.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path

from deeprl_tui.config.hosts import LOCAL, NAME, Host, decode_hosts
from deeprl_tui.config.read import Document
from deeprl_tui.core.files import read_small
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.lock import FileLock
from deeprl_tui.errors import ConfigError, RefusedError, UnknownNameError

MOST_BYTES = 1 << 20


def known_hosts(root: Path, listed: Mapping[str, Host]) -> dict[str, Host]:
    """All hosts by name. listed: those of experiments.toml."""
    return {**_added(root), **listed}


def add(root: Path, host: Host) -> None:
    """Add a host, or change one that was added. Raises ConfigError for one that cannot be."""
    _, problems = decode_hosts(Document({}), "hosts", {host.name: _plain(host)})
    if problems:
        raise ConfigError(problems)
    _change(root, {**_added(root), host.name: host})


def remove(root: Path, name: str, listed: Mapping[str, Host]) -> None:
    """Take out a host that was added. Raises UnknownNameError, and RefusedError for one of the file."""
    if name in listed:
        raise RefusedError("stands in experiments.toml", place=name, remedy=f"remove [hosts.{name}] there")
    hosts = _added(root)
    if name not in hosts:
        raise UnknownNameError("no such host", place=name, remedy="deeprl hosts names all")
    del hosts[name]
    _change(root, hosts)


def name_for(address: str, taken: Mapping[str, Host]) -> str:
    """A name for a host by its address: its first label, with a number if that is taken."""
    label = address.rpartition("@")[2].partition(".")[0]
    plain = "".join(letter if NAME.fullmatch(f"a{letter}") else "-" for letter in label).strip("-")[:30]
    if not plain or plain == LOCAL or label.isdigit():
        plain = "host"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name


def _added(root: Path) -> dict[str, Host]:
    try:
        body = json.loads(read_small(RootPaths(root).host_book, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    hosts, _ = decode_hosts(Document({}), "hosts", body.get("hosts") if isinstance(body, dict) else None)
    return hosts


def _change(root: Path, hosts: Mapping[str, Host]) -> None:
    file = RootPaths(root).host_book
    root.mkdir(parents=True, exist_ok=True)
    body = {"hosts": {name: _plain(host) for name, host in sorted(hosts.items())}}
    with FileLock.acquire(file.with_suffix(".lock"), f"pid {os.getpid()}", wait_s=5.0):
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.write_text(json.dumps(body, indent=1), encoding="utf-8")
        fresh.replace(file)


def _plain(host: Host) -> dict[str, object]:
    """What differs from what a host is by default."""
    default = {field.name: field.default for field in fields(host)}
    return {key: value for key, value in asdict(host).items() if key != "name" and value != default.get(key)}
