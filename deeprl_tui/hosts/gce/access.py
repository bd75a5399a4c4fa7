"""How ssh gets into machines: a key of our own, their host keys, and a configuration that names both.

Rule: ssh is strict. A machine's host key comes over the cloud's own authenticated interface and is kept;
another one later is refused, never taken. The key opens these machines only, and only its public half leaves.
"""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from deeprl_tui.core.files import read_small
from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError, RefusedError
from deeprl_tui.hosts.gce.client import PROGRAM, check_project
from deeprl_tui.hosts.gce.vm import USER, Vm

HOST_KEY: Final = re.compile(r"(ssh-ed25519|ecdsa-sha2-nistp256|ssh-rsa) ([A-Za-z0-9+/]{40,2000}={0,2})")
MOST_BYTES: Final = 1 << 22
OUT_S: Final = 600.0
"""A zone that had no machine left is asked again after so long."""


class Access:
    """The files of one project's machines. Raises DeeprlError and OSError."""

    def __init__(self, folder: Path, *, wall: Callable[[], float] = time.time) -> None:
        if any(sign in str(folder) for sign in '"\\\n$') or "," in str(folder):
            raise RefusedError("has signs in it that ssh or gcloud read otherwise", place=str(folder))
        self.folder = folder
        self._wall = wall

    @property
    def key(self) -> Path:
        """The private key."""
        return self.folder / "id_ed25519"

    @property
    def public(self) -> Path:
        """The public key, as the metadata of a machine wants it."""
        return self.folder / "ssh-keys"

    @property
    def config(self) -> Path:
        """For `ssh -F`."""
        return self.folder / "ssh_config"

    @property
    def known(self) -> Path:
        """The host keys of the machines, by their ids."""
        return self.folder / "known_hosts"

    @property
    def _outs(self) -> Path:
        return self.folder / "zones.json"

    @property
    def cloud(self) -> str:
        """The project of Google Cloud that the machines were made in; empty: not known."""
        try:
            return check_project(read_small(self._cloud, 200).decode().strip())
        except (OSError, ValueError):
            return ""

    @property
    def _cloud(self) -> Path:
        return self.folder / "project"

    def script(self) -> list[str]:
        """What `prepare` does, as lines for a shell."""
        public = shlex.join(["sed", f"s/^/{USER}:/", f"{self.key}.pub"])
        return [
            shlex.join(["mkdir", "-p", str(self.folder)]),
            shlex.join(self._keygen()),
            f"{public} > {shlex.quote(str(self.public))}",
        ]

    def _keygen(self) -> list[str]:
        return ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", USER, "-f", str(self.key)]

    def prepare(self) -> None:
        """Make the key, unless it is there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.key.exists():
            try:
                done = subprocess.run(
                    self._keygen(), stdin=subprocess.DEVNULL, capture_output=True, check=False
                )
            except OSError:
                raise DeeprlError(
                    "is not installed", place="ssh-keygen", remedy="install the OpenSSH client"
                ) from None
            if done.returncode:
                raise DeeprlError("makes no key", place="ssh-keygen", remedy=f"is {self.folder} writable?")
        public = self.key.with_name(f"{self.key.name}.pub").read_text(encoding="ascii").strip()
        self._write(self.public, f"{USER}:{public}\n")

    def host_keys(self) -> dict[str, dict[str, str]]:
        """The host keys that are known: by the machine's id, then by kind."""
        found: dict[str, dict[str, str]] = {}
        try:
            lines = read_small(self.known, MOST_BYTES).decode(errors="replace").splitlines()
        except OSError:
            return {}
        for line in lines:
            alias, _, rest = line.partition(" ")
            if alias.startswith("compute.") and (match := HOST_KEY.fullmatch(rest)):
                found.setdefault(alias.removeprefix("compute."), {})[match[1]] = match[2]
        return found

    def learn(self, vm: Vm, answer: Json) -> bool:
        """Keep the host keys that a machine published; False if there are none yet.

        Raises RefusedError if they are other ones than before.
        """
        told = dict(_published(answer))
        if not told:
            return False
        known = self.host_keys()
        before = known.get(vm.id, {})
        if any(before.get(kind, key) != key for kind, key in told.items()):
            raise RefusedError(
                "publishes another host key than before",
                place=vm.name,
                remedy=f"find out why; to make it anew: deeprl gce down {vm.name}",
            )
        known[vm.id] = {**told, **before}
        self._write_known(known)
        return True

    def write(self, vms: Iterable[Vm], tunnel: bool | None = None, project: str = "") -> None:
        """Name the machines to ssh, and forget the host keys of those that are gone.

        tunnel: go through Identity-Aware Proxy, for machines behind a firewall; None: as before.
        project: of Google Cloud.
        """
        here = sorted(vms, key=lambda vm: vm.name)
        before = self._entries() if tunnel is None else {}
        texts = [before.get(vm.name) or self._entry(vm, bool(tunnel), project) for vm in here if vm.address]
        self._write(self.config, "# Written by deeprl gce; changes are lost.\n" + "".join(texts))
        if clouds := {vm.cloud for vm in here if vm.cloud}:
            self._write(self._cloud, f"{min(clouds)}\n")
        else:
            self._cloud.unlink(missing_ok=True)
        ids = {vm.id for vm in here}
        self._write_known({vm: keys for vm, keys in self.host_keys().items() if vm in ids})

    def _entries(self) -> dict[str, str]:
        """What the configuration says now, by machine."""
        try:
            text = read_small(self.config, MOST_BYTES).decode()
        except (OSError, ValueError):
            return {}
        entries = text.split("Host ")[1:] if text.startswith("#") else []
        return {entry.partition("\n")[0]: f"Host {entry}" for entry in entries}

    def _entry(self, vm: Vm, tunnel: bool, project: str) -> str:
        lines = [
            f"HostName {vm.address}",
            f"HostKeyAlias compute.{vm.id}",
            f"User {USER}",
            f'IdentityFile "{_quoted(self.key)}"',
            "IdentitiesOnly yes",
            f'UserKnownHostsFile "{_quoted(self.known)}"',
            "GlobalKnownHostsFile /dev/null",
            "StrictHostKeyChecking yes",
            "ForwardAgent no",
        ]
        if tunnel:
            words = [PROGRAM, "compute", "start-iap-tunnel", vm.name, "%p", "--listen-on-stdin"]
            words += [
                f"--zone={vm.zone}",
                *([f"--project={project}"] if project else []),
                "--verbosity=error",
            ]
            lines.append(f"ProxyCommand {' '.join(words)}")
        return f"Host {vm.name}\n" + "".join(f"  {line}\n" for line in lines)

    def outs(self) -> set[str]:
        """Zones that had no machine left a short while ago."""
        try:
            body = json.loads(read_small(self._outs, MOST_BYTES))
            return {str(zone) for zone, at in body.items() if 0 <= self._wall() - float(at) < OUT_S}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return set()

    def note_out(self, zones: Iterable[str]) -> None:
        """Remember zones that have no machine left now."""
        at = self._wall()
        self._write(self._outs, json.dumps(dict.fromkeys(sorted({*self.outs(), *zones}), at)))

    def _write_known(self, keys: Mapping[str, Mapping[str, str]]) -> None:
        lines = [
            f"compute.{vm} {kind} {key}\n"
            for vm, of in sorted(keys.items())
            for kind, key in sorted(of.items())
        ]
        self._write(self.known, "".join(lines))

    def _write(self, file: Path, text: str) -> None:
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)


def _published(answer: Any) -> Iterable[tuple[str, str]]:
    """Host keys in guest attributes, checked: programs on the machine may write there."""
    if isinstance(answer, dict):
        answer = (answer.get("queryValue") or {}).get("items")
    for entry in answer if isinstance(answer, list) else []:
        if isinstance(entry, dict) and entry.get("namespace", "hostkeys") == "hostkeys":
            match = HOST_KEY.fullmatch(f"{entry.get('key')} {entry.get('value')}")
            if match:
                yield match[1], match[2]


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%%")
