"""With the system's ssh and an sshd of one's own on loopback: keys that are asked about, pushes, runs."""

import io
import os
import pty
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import support
import vm_lab
from vm_lab import Loopback

from deeprl_tui.config import Host
from deeprl_tui.errors import ExitCode
from deeprl_tui.hosts import parcel
from deeprl_tui.hosts.parcel import Environment, Piece
from deeprl_tui.hosts.push import push
from deeprl_tui.ops.remote import Hosts

pytestmark = pytest.mark.skipif(bool(vm_lab.lacks_sshd()), reason=vm_lab.lacks_sshd() or "-")
HOST = Host("me", "me")
TINY = """
import os, sys
def main():
    os.execv({python!r}, [{python!r}, "-m", "deeprl_tui", *sys.argv[1:]])
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """A machine with an sshd and nothing of ours."""
    made = Loopback(tmp_path / "machine")
    monkeypatch.setenv("DEEPRL_SSH", made.ssh)
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a project here."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "experiments.toml").write_text('[experiments.base]\nenv = "CartPole-v1"\nbaseline = true\n')
    return folder


@pytest.fixture
def hosts(project: Path, machine: Loopback) -> Iterator[Hosts]:
    """The hosts of the project: that machine."""
    made = Hosts(project / "runs", "study", {"me": HOST})
    yield made
    made.close()


def tiny(machine: str) -> Environment:
    """An environment like ours in all but its size: its program is this checkout's."""
    files = {
        "tiny.py": TINY.format(python=sys.executable),
        "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n",
        "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny-1.dist-info/entry_points.txt": "[console_scripts]\ndeeprl = tiny:main\n",
    }
    files["tiny-1.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    wheel = Piece("tiny-1-py3-none-any.whl", out.getvalue())
    return replace(parcel.environment(machine), wheel=wheel, requirements=())


def deeprl(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in the project, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "deeprl_tui", *words],
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_push_then_a_run_comes_home(machine: Loopback, hosts: Hosts, project: Path) -> None:
    """A machine with Python only is made ready; what it then says is ours; a second push installs nothing."""
    first = push(HOST, "~/deeprl/study", [Piece("experiments.toml", b"")], pack=tiny)
    assert first.installed
    paths = support.make_run(
        machine.home / "deeprl/study/runs", support.spec(), [(0.0, support.start()), *support.training(500)]
    )
    hosts.attach()
    mirrored = project / "runs" / paths.folder.relative_to(machine.home / "deeprl/study/runs")
    support.wait_until(
        lambda: content(mirrored / "events-1.jsonl") == paths.events(1).read_bytes(), 30, "the log"
    )
    again = push(HOST, "~/deeprl/study", [Piece("experiments.toml", b"")], pack=tiny)
    assert not again.installed


def test_unknown_key(machine: Loopback, project: Path) -> None:
    """Without a terminal an unknown host key is refused, and it is said how to look at it."""
    machine.forget_key()
    done = deeprl(project, "hosts", "add", "me")
    assert done.returncode == ExitCode.UNREACHABLE
    assert "its host key is not known" in done.stderr
    assert "ssh me" in done.stderr
    assert "me" not in deeprl(project, "hosts", "--json").stdout


def test_unknown_key_is_asked_about(machine: Loopback, project: Path) -> None:
    """On a terminal ssh shows the fingerprint and asks; after a yes the host is there."""
    machine.forget_key()
    ours, theirs = pty.openpty()
    words = ["setsid", "--ctty", "--wait", sys.executable, "-m", "deeprl_tui", "hosts", "add", "me"]
    process = subprocess.Popen(words, cwd=project, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = read_until(ours, b"(yes/no")
    assert b"SHA256:" in said
    os.write(ours, b"yes\n")
    said = read_until(ours, b"me added")
    assert process.wait(30) == ExitCode.OK
    os.close(ours)


def test_changed_key(machine: Loopback, project: Path) -> None:
    """A host key that is another one than before is refused, and nothing offers to take it."""
    machine.change_key()
    done = deeprl(project, "hosts", "add", "me")
    assert done.returncode == ExitCode.UNREACHABLE
    assert "its host key is another one than before, so it was refused" in done.stderr


@pytest.mark.parametrize(
    "address", ["-oProxyCommand=touch made", "a;touch made", "$(touch made)", "`touch made`", "a b", "a\n-v"]
)
def test_address_with_metacharacters(machine: Loopback, project: Path, address: str) -> None:
    """No address is an option of ssh or a word for a shell: it is refused before ssh is started."""
    done = deeprl(project, "hosts", "add", "--", address)
    assert done.returncode == ExitCode.USAGE
    assert "is not an ssh address" in done.stderr
    assert not (project / "made").exists()


def read_until(fd: int, words: bytes) -> bytes:
    """What a terminal shows up to some words."""
    said = b""
    while words not in said:
        data = os.read(fd, 4096)
        assert data, said
        said += data
    return said


def content(file: Path) -> bytes:
    """The bytes of a file, none if it is not there."""
    return file.read_bytes() if file.exists() else b""
