"""Runs on a host that has nothing but Python: puts what a push sends where it belongs.

Rule: it is sent as text and imports only the standard library, of any Python 3.8 or newer, so that one that
is too old can say so. Nothing is in place before it is whole. It says one JSON object a line on stdout.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from typing import Any

HOME = os.path.join(os.path.expanduser("~"), ".deeprl")
ENVS = os.path.join(HOME, "env")
READY = "ready"
LEAST = (3, 11)
KEEP = 3  # environments, the newest: a run that goes on needs that of its worker
SERVE = '#!/bin/sh\nexec "$HOME/.deeprl/env/{env}/bin/deeprl" serve\n'


def say(**words: Any) -> None:
    """One line to the other side."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def facts() -> dict[str, Any]:
    """What is here."""
    found = os.listdir(ENVS) if os.path.isdir(ENVS) else []
    stat = os.statvfs(HOME if os.path.isdir(HOME) else os.path.expanduser("~"))
    return {
        "python": list(sys.version_info[:3]),
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": len(os.sched_getaffinity(0)),
        "readonly": bool(stat.f_flag & os.ST_RDONLY),
        "noexec": bool(stat.f_flag & os.ST_NOEXEC),
        "disk_free": stat.f_bavail * stat.f_frsize,
        "gpu": os.path.exists("/dev/nvidia0"),
        "linger": os.path.exists("/var/lib/systemd/linger/" + os.environ.get("USER", "?")),
        "envs": [name for name in found if os.path.exists(os.path.join(ENVS, name, READY))],
    }


def read_exactly(size: int) -> bytes:
    """Bytes of a file from stdin."""
    data = sys.stdin.buffer.read(size)
    if len(data) < size:
        raise EOFError("the connection ended within a file")
    return data


def below(folder: str, name: str) -> str:
    """A path within a folder. Raises ValueError on one that leads out of it."""
    path = os.path.normpath(os.path.join(folder, name))
    if os.path.isabs(name) or not path.startswith(folder + os.sep):
        raise ValueError(name + " leads out of " + folder)
    return path


def write(path: str, data: bytes) -> None:
    """Write a file whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fresh = path + ".part"
    with open(fresh, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(fresh, path)


def receive(files: list[dict[str, Any]], folder: str) -> None:
    """Take files from stdin; each is checked before it is in place."""
    for entry in files:
        data = read_exactly(entry["size"])
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ValueError(entry["name"] + ": checksum")
        write(below(folder, entry["name"]), data)


def run(words: list[str], what: str) -> None:
    """Run a program to its end. Raises RuntimeError with its last lines."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        tail = done.stdout.decode(errors="replace").strip().splitlines()[-12:]
        raise RuntimeError(what + ":\n" + "\n".join(tail))


def install(request: dict[str, Any]) -> None:
    """Make the environment beside the others, then name it ready."""
    final = os.path.join(ENVS, request["env"])
    if os.path.exists(os.path.join(final, READY)):
        return
    began = time.monotonic()
    os.makedirs(ENVS, exist_ok=True)
    shutil.rmtree(final, ignore_errors=True)
    parcel = os.path.join(HOME, "parcel-" + request["env"])
    receive(request["files"], parcel)
    say(step="making the environment")
    run([sys.executable, "-m", "venv", "--without-pip", final], "venv")
    python = os.path.join(final, "bin", "python")
    pip = os.path.join(parcel, request["installer"], "pip")
    plain = [python, pip, "install", "-q", "--disable-pip-version-check", "--no-input"]
    if request.get("wheels"):
        plain += ["--no-index", "--find-links", below(parcel, "wheels")]
    needs = os.path.join(parcel, "requirements.txt")
    write(needs, ("\n".join(request["requirements"]) + "\n").encode())
    say(step="installing " + str(len(request["requirements"])) + " packages")
    if request["cpu"] and takes_cuda(plain, request["requirements"]):
        run([*plain, "uv"], "pip install uv")
        uv = [python, "-m", "uv", "pip", "install", "-q", "--python", python, "--torch-backend", "cpu"]
        for name in ("UV_SYSTEM_CERTS", "UV_NATIVE_TLS"):  # as pip does: a company's own certificates count
            os.environ.setdefault(name, "1")
        run([*uv, "-r", needs], "uv pip install")
    else:
        run([*plain, "-r", needs], "pip install")
    run([*plain, "--no-deps", os.path.join(parcel, request["wheel"])], "pip install deeprl-tui")
    run([os.path.join(final, "bin", "deeprl"), "--version"], "deeprl --version")
    write(os.path.join(final, READY), b"")
    shutil.rmtree(parcel, ignore_errors=True)
    say(step="installed", seconds=round(time.monotonic() - began, 1))


def takes_cuda(pip: list[str], requirements: list[str]) -> bool:
    """Whether pip would bring gigabytes of CUDA for a torch that has no GPU here."""
    torch = [need for need in requirements if need.startswith("torch==")]
    if not torch:
        return False
    words = [*pip, "--dry-run", "--ignore-installed", "--no-deps", "--report", "-", *torch]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return bool(re.search(rb'"(nvidia|cuda)[a-z0-9-]*', done.stdout))


def tidy(keep: str) -> None:
    """Remove old environments, but never one that a process still runs from."""
    used: set[bytes] = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/" + pid + "/cmdline", "rb") as file:
                used.update(re.findall(rb"/\.deeprl/env/([0-9a-f]{12})/", file.read()))
        except OSError:
            continue
    names = sorted(os.listdir(ENVS), key=lambda name: os.stat(os.path.join(ENVS, name)).st_mtime)
    for name in names[:-KEEP]:
        if name != keep and name.encode() not in used:
            shutil.rmtree(os.path.join(ENVS, name), ignore_errors=True)


def main() -> None:
    """Say what is here, take what is sent, put it in place."""
    say(facts=facts())
    line = sys.stdin.buffer.readline()
    if not line:
        return
    request = json.loads(line)
    if sys.version_info < LEAST:
        raise RuntimeError(f"this is Python {sys.version_info[0]}.{sys.version_info[1]}")
    env = request.get("env")  # none in a container, which has all but the project
    if env:
        install(request)
    folder = os.path.expanduser(request["folder"])
    receive(request["project"], os.path.abspath(folder))
    if env:
        write(os.path.join(HOME, "serve"), SERVE.format(env=env).encode())
        os.chmod(os.path.join(HOME, "serve"), 0o755)
        tidy(env)
    say(done=True)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        say(error=type(error).__name__ + ": " + str(error))
