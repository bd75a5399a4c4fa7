"""What a host gets, and every way in which a push can end."""

import ast
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from deeprl_tui.config.hosts import Host
from deeprl_tui.hosts import bootstrap, parcel
from deeprl_tui.hosts.parcel import Environment, Piece
from deeprl_tui.hosts.push import push
from deeprl_tui.hosts.ssh import HostError

FAKE = Path(__file__).parents[2] / "fake_ssh.py"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder of a host named vm, reached by a program in place of ssh."""
    monkeypatch.setenv("DEEPRL_SSH", f"{sys.executable} {FAKE}")
    monkeypatch.setenv("DEEPRL_FAKE_HOMES", str(tmp_path))
    folder = tmp_path / "vm"
    folder.mkdir()
    return folder


@pytest.fixture
def ready(home: Path) -> Callable[[str], Environment]:
    """An environment that the host has already."""
    env = Environment(Piece("a.whl", b"a"), Piece("pip.whl", b"p"), ("torch==2",))
    place = home / ".deeprl" / "env" / env.digest
    place.mkdir(parents=True)
    (place / "ready").touch()
    return lambda machine: env


def host(python: str = sys.executable) -> Host:
    """The host."""
    return Host("vm", "vm", python=python)


def test_wheel_is_whole() -> None:
    """The wheel has both packages, its record fits, and packing again gives the same bytes."""
    env = parcel.environment()
    archive = zipfile.ZipFile(io.BytesIO(env.wheel.data))
    names = set(archive.namelist())
    assert {"deeprl_tui/errors.py", "deeprl_agents/worker.py"} <= names
    assert not any("__pycache__" in name for name in names)
    (record,) = (name for name in names if name.endswith("RECORD"))
    listed = {line.split(",")[0] for line in archive.read(record).decode().splitlines()}
    assert listed == names
    assert parcel.environment() == env


def test_requirements() -> None:
    """Dependencies are locked to what is installed here, without what only a GPU needs."""
    needs = parcel.requirements()
    assert any(need.startswith("torch==") and "+" not in need for need in needs)
    assert not any(need.startswith(("nvidia", "triton", "deeprl")) for need in needs)
    assert any(need.startswith("box2d") for need in needs)  # of gymnasium's extra
    assert not any(need.startswith(("mujoco", "pytest")) for need in needs)  # of those nobody asked for


def test_other_machine() -> None:
    """A host of another kind gets no libraries that were compiled for this one."""
    names = zipfile.ZipFile(io.BytesIO(parcel.environment("riscv64").wheel.data)).namelist()
    assert not any(name.endswith(".so") for name in names)


def test_push_of_files(home: Path, ready: Callable[[str], Environment]) -> None:
    """Where the environment is there, the project's files and the script that ssh starts are put in place."""
    done = push(host(), "~/deeprl/study", [Piece("agents/mine.py", b"x = 1\n")], pack=ready)
    assert not done.installed
    assert (home / "deeprl/study/agents/mine.py").read_bytes() == b"x = 1\n"
    serve = home / ".deeprl" / "serve"
    assert done.env in serve.read_text()
    assert os.access(serve, os.X_OK)


def test_files_alone(home: Path, tmp_path: Path) -> None:
    """In a container, which has all else, files are put in place and nothing is installed."""
    body, data = b"x = 1\n", tmp_path / "data"
    piece = {"name": "mine.py", "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    request = json.dumps({"folder": str(data), "project": [piece]}).encode() + b"\n"
    words = [sys.executable, str(Path(bootstrap.__file__))]
    subprocess.run(
        words, input=request + body, env={"HOME": str(home)}, check=True, stdout=subprocess.DEVNULL
    )
    assert (data / "mine.py").read_bytes() == body
    assert not (home / ".deeprl").exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil"])
def test_no_way_out(name: str) -> None:
    """No file is put outside of its folder."""
    with pytest.raises(ValueError, match="leads out"):
        bootstrap.below("/home/x/deeprl", name)


def test_unknown_host(home: Path) -> None:
    """A host that ssh does not know is told as that."""
    with pytest.raises(HostError, match="no machine of this name") as caught:
        push(Host("x", "nowhere"), "~/deeprl")
    assert caught.value.kind == "name"


def test_no_python(home: Path) -> None:
    """A host without Python is told what to do."""
    with pytest.raises(HostError, match="has no python9") as caught:
        push(host("python9"), "~/deeprl")
    assert "[hosts.vm]" in caught.value.remedy


def test_old_python(home: Path) -> None:
    """One whose Python is too old, too."""
    script = home / "old"
    script.write_text(
        '#!/bin/sh\necho \'{"facts": {"python": [3, 9, 2], "system": "Linux"}}\'\ncat >/dev/null\n'
    )
    script.chmod(0o755)
    with pytest.raises(HostError, match=r"Python 3\.9\.2, older than 3\.11"):
        push(host(str(script)), "~/deeprl")


def test_python_of_long_ago(home: Path) -> None:
    """One that cannot even read what it is sent is too old as well."""
    script = home / "ancient"
    script.write_text("#!/bin/sh\necho 'SyntaxError: annotations is not defined' >&2\nexit 1\n")
    script.chmod(0o755)
    with pytest.raises(HostError, match=r"a Python of long ago, older than 3\.11"):
        push(host(str(script)), "~/deeprl")


def test_old_pythons_can_read_it() -> None:
    """What is sent to a host is in the grammar of Python 3.8, which can then say that it is too old."""
    source = Path(bootstrap.__file__).read_text()
    assert ast.parse(source, feature_version=(3, 8)).body


def test_chatter(home: Path) -> None:
    """A shell that prints at login is named as the fault."""
    script = home / "chatty"
    script.write_text("#!/bin/sh\necho Welcome\ncat >/dev/null\n")
    script.chmod(0o755)
    with pytest.raises(HostError, match="'Welcome' before anything was asked"):
        push(host(str(script)), "~/deeprl")


def test_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that arrives damaged is not put in place."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x")))
    entry = {"name": "x.py", "size": 1, "sha256": hashlib.sha256(b"other").hexdigest()}
    with pytest.raises(ValueError, match="checksum"):
        bootstrap.receive([entry], str(tmp_path))
    assert not list(tmp_path.iterdir())
