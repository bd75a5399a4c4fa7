"""Machines that cannot be made ready: what is wrong is named with its remedy, and nothing is half done."""

import io
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import vm_lab
from laptop_lab import Here
from vm_lab import HOME, Machine

from deeprl_tui.config import Host
from deeprl_tui.hosts import parcel
from deeprl_tui.hosts.parcel import Environment, Piece
from deeprl_tui.hosts.push import push
from deeprl_tui.hosts.ssh import HostError

pytestmark = pytest.mark.skipif(bool(vm_lab.lacks()), reason=vm_lab.lacks() or "-")
WITH = Host("vm-3", "vm-3", python=sys.executable)


def _flag(word: str) -> Callable[[Machine], object]:
    return lambda machine: machine.mount("-o", f"remount,bind,{word}", str(HOME))


@pytest.fixture
def machine(here: Here) -> Iterator[Machine]:
    """A machine whose home folder is as it was afterwards."""
    made = here.machines["vm-3"]
    yield made
    made.mount("-o", "remount,bind,rw,exec", str(HOME))


def packed(_: str) -> Environment:
    """An environment with something to keep."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("some.py", os.urandom(1 << 20))
    return replace(parcel.environment(), wheel=Piece("some-1-py3-none-any.whl", out.getvalue()))


@pytest.mark.parametrize(
    ("spoil", "fault", "remedy"),
    [
        (_flag("ro"), "its home folder is read-only", "let it be writable"),
        (_flag("noexec"), r"forbids programs in its home folder \(noexec\)", "a link to a folder"),
        (
            lambda machine: machine.mount_small(machine.home / ".deeprl", "1m"),
            r"has no space left \(OSError: .* No space left on device",
            "make room in its home folder",
        ),
    ],
)
def test_a_home_that_does_not_do(
    machine: Machine, spoil: Callable[[Machine], object], fault: str, remedy: str
) -> None:
    """A home folder that cannot be written, executed from or filled further is named as that."""
    spoil(machine)
    with pytest.raises(HostError, match=fault) as caught:
        push(WITH, "~/deeprl/study", [Piece("experiments.toml", b"")], pack=packed)
    assert remedy in caught.value.remedy
    assert not list(machine.home.glob(".deeprl/env/*/ready"))


def test_no_python(machine: Machine) -> None:
    """A machine without such a Python is told which one to install, or how to name another."""
    with pytest.raises(HostError, match=r"has no python3\.99") as caught:
        push(replace(WITH, python="python3.99"), "~/deeprl/study")
    assert "[hosts.vm-3]" in caught.value.remedy
