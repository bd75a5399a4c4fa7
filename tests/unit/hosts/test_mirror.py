"""What arrives from a host is kept byte for byte: nothing twice, nothing lost, nothing of another run."""

import random
from pathlib import Path

import pytest
import support
from hypothesis import given
from hypothesis import strategies as st

from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import RefusedError, RunDirectoryError
from deeprl_tui.hosts.known import tail_crc
from deeprl_tui.hosts.mirror import GapError, Mirror
from deeprl_tui.runs.homes import home_of

RUN = RunId("CP_basic", 0)


def described(root: Path, host: str = "vm-1") -> Mirror:
    """A mirror with one run."""
    mirror = Mirror(root, host)
    mirror.describe(RUN, support.spec().to_json().encode())
    return mirror


def test_describe(tmp_path: Path) -> None:
    """A run of a host gets its directory here, with the host's name in it; again is harmless."""
    mirror = described(tmp_path)
    mirror.describe(RUN, support.spec().to_json().encode())
    (paths,) = RootPaths(tmp_path).runs()
    assert home_of(paths) == "vm-1"
    assert [run for run, _ in mirror.runs()] == [RUN]
    assert not list(Mirror(tmp_path, "vm-2").runs())


def test_own_run(tmp_path: Path) -> None:
    """A run of this machine is not overwritten by one of a host with the same name."""
    support.make_run(tmp_path, support.spec())
    with pytest.raises(RefusedError, match="lives on this machine, not on vm-1"):
        described(tmp_path)


def test_other_host(tmp_path: Path) -> None:
    """Nor is that of another host."""
    described(tmp_path)
    with pytest.raises(RefusedError, match="lives on vm-1, not on vm-2"):
        described(tmp_path, "vm-2")


def test_wrong_description(tmp_path: Path) -> None:
    """A description of another run than announced is refused."""
    with pytest.raises(RunDirectoryError, match="another run"):
        Mirror(tmp_path, "vm").describe(RunId("CP_basic", 1), support.spec().to_json().encode())


@given(st.binary(min_size=1, max_size=400), st.integers(0, 2**32))
def test_pieces(tmp_path_factory: pytest.TempPathFactory, log: bytes, seed: int) -> None:
    """Pieces that overlap, repeat or leave a gap never make anything but a beginning of the log."""
    root, draw = tmp_path_factory.mktemp("mirror"), random.Random(seed)
    mirrors = [described(root), described(root)]  # two dashboards
    file = next(iter(RootPaths(root).runs())).events(1)
    size = 0
    for _ in range(30):
        start = draw.randint(0, len(log))
        piece = log[start : start + draw.randint(0, 80)]
        try:
            size += draw.choice(mirrors).append(RUN, 1, start, piece)
        except GapError:
            assert start > size
        assert (file.read_bytes() if file.exists() else b"") == log[:size]


def test_gap(tmp_path: Path) -> None:
    """A piece that does not continue what is here is refused."""
    with pytest.raises(GapError):
        described(tmp_path).append(RUN, 1, 5, b"x\n")


def test_have(tmp_path: Path) -> None:
    """The length of a log here, and the checksum of its end, are where the host goes on."""
    mirror = described(tmp_path)
    mirror.append(RUN, 1, 0, b"a\n" * 5000)
    (have,) = mirror.have()
    (paths,) = RootPaths(tmp_path).runs()
    assert (have.run, have.attempt, have.size) == (RUN, 1, 10_000)
    assert have.crc == tail_crc(paths.events(1), 10_000)


def test_reset(tmp_path: Path) -> None:
    """A run that the host has no more is put aside, not deleted, and may come again."""
    mirror = described(tmp_path)
    mirror.append(RUN, 1, 0, b"a\n")
    aside = mirror.reset(RUN)
    assert aside is not None
    assert (aside / "events-1.jsonl").read_bytes() == b"a\n"
    mirror.describe(RUN, support.spec().to_json().encode())
    assert mirror.append(RUN, 1, 0, b"b\n") == 2


def test_link(tmp_path: Path) -> None:
    """A log that is a link is not written through."""
    mirror = described(tmp_path)
    (paths,) = RootPaths(tmp_path).runs()
    target = tmp_path / "target"
    target.write_bytes(b"")
    paths.events(1).symlink_to(target)
    with pytest.raises(OSError, match="symbolic"):
        mirror.append(RUN, 1, 0, b"x\n")
    assert target.read_bytes() == b""
