"""What is shipped: the wheel, its two packages, its two commands."""

import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_exactly_two_packages(wheel: Path) -> None:
    """A top-level `agents` would clash with another project on PyPI."""
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"deeprl_tui", "deeprl_agents"}


def test_the_wheel_carries_styles_and_type_markers(wheel: Path) -> None:
    """Files that are not Python are forgotten most easily."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {"deeprl_tui/py.typed", "deeprl_agents/py.typed", "deeprl_tui/tui/app.tcss"} <= names


def test_the_wheel_carries_the_kernel_and_says_for_which_machine(wheel: Path) -> None:
    """A library for each level, and the sources that tell whether one is out of date."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name.rpartition("kernel/")[2] for name in archive.namelist() if "kernel/" in name}
    assert {"lib/deeprl-baseline.so", "kernel.h", "network.c", "loop.c", "replay.c", "image.c"} <= inside
    assert wheel.name.endswith(f"-py3-none-linux_{platform.machine()}.whl")


def test_the_commands_are_named(wheel: Path) -> None:
    """`deeprl` and `deeprl-tui`."""
    with zipfile.ZipFile(wheel) as archive:
        (entry,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        text = archive.read(entry).decode()
    assert "deeprl = deeprl_tui.__main__:main" in text
    assert "deeprl-tui = deeprl_tui.tui.main:main" in text


def test_agents_is_a_source_root_and_no_package() -> None:
    """Its only package is deeprl_agents."""
    assert not (ROOT / "agents" / "__init__.py").exists()
    assert [path.parent.name for path in (ROOT / "agents").glob("*/__init__.py")] == ["deeprl_agents"]
