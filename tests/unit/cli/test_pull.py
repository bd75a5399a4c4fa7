"""`deeprl pull`, `move` and `push`: what is refused, and what is said when nothing is to do."""

from pathlib import Path

import pytest
from support import spec

from deeprl_tui.errors import ExitCode
from deeprl_tui.hosts.mirror import Mirror

from .conftest import Deeprl


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("pull",), "names no run"),
        (("pull", "CP_basic", "--all"), "--all stands beside names"),
        (("move", "--to", "local"), "names no run"),
        (("move", "CP_basic"), "says not where to"),
    ],
)
def test_misused(root: Path, deeprl: Deeprl, words: tuple[str, ...], fault: str) -> None:
    """Arguments that make no sense are refused in words."""
    said = deeprl(*words)
    assert said.code == ExitCode.USAGE
    assert fault in said.err


def test_nothing_to_pull(root: Path, deeprl: Deeprl) -> None:
    """Runs of this machine are home."""
    said = deeprl("pull", "--all")
    assert (said.code, said.out) == (ExitCode.OK, "")
    assert "all results are home" in said.err


def test_a_host_that_is_not_known_any_more(root: Path, deeprl: Deeprl) -> None:
    """A run whose host was removed cannot come, and says why."""
    elsewhere = spec("CP_far")
    Mirror(root, "gone").describe(elsewhere.id, elsewhere.to_json().encode())
    said = deeprl("pull", "CP_far")
    assert said.code == ExitCode.UNKNOWN_NAME
    assert "no such host" in said.err


def test_move_to_an_unknown_host(root: Path, deeprl: Deeprl) -> None:
    """Nothing is touched."""
    said = deeprl("move", "CP_basic/0", "--to", "nowhere")
    assert said.code == ExitCode.UNKNOWN_NAME
    assert "no such host" in said.err


def test_move_to_where_it_is(root: Path, deeprl: Deeprl) -> None:
    """A run that lives here does not move here."""
    said = deeprl("move", "CP_basic/0", "--to", "local")
    assert said.code == ExitCode.REFUSED
    assert said.lines == ["CP_basic/0\tnot done\tis there"]


def test_push_to_several(project: Path, deeprl: Deeprl, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one host refuses keeps none of the others from theirs."""
    monkeypatch.setenv("DEEPRL_SSH", "false")
    with (project / "experiments.toml").open("a") as file:
        file.write("[hosts.vm-1]\n[hosts.vm-2]\n[hosts.lab]\n")
    said = deeprl("push", "vm-*")
    assert said.code == ExitCode.UNREACHABLE
    assert sorted(line.split(":")[1].split()[0] for line in said.err.splitlines()) == ["vm-1", "vm-2"]


def test_push_to_nobody(project: Path, deeprl: Deeprl) -> None:
    """A name that is no host's is told before anything is done."""
    said = deeprl("push", "one")
    assert said.code == ExitCode.UNKNOWN_NAME
    assert "no such host" in said.err


def test_push_without_wheels(project: Path, deeprl: Deeprl) -> None:
    """A folder without wheels is no order to fetch them from an index."""
    said = deeprl("push", "one", "--wheels", ".")
    assert said.code == ExitCode.USAGE
    assert "no wheels in" in said.err
