"""`deeprl hosts tidy`: what is said, asked and left alone."""

import sys
from pathlib import Path

import pytest
from pull_lab import RUN, Away, Cutting, mirrored, pull

from deeprl_tui.errors import ExitCode
from deeprl_tui.runs.homes import home_of

from .conftest import PROJECT, Deeprl

FAKE = Path(__file__).parents[2] / "fake_ssh.py"


@pytest.fixture
def away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Away:
    """A host without a network, with a run that is over, and all of it here."""
    monkeypatch.setenv("DEEPRL_SSH", f"{sys.executable} {FAKE}")
    monkeypatch.setenv("DEEPRL_FAKE_HOMES", str(folder / "homes"))
    serve = folder / "homes" / "vm" / ".deeprl" / "serve"
    serve.parent.mkdir(parents=True)
    serve.write_text(f"#!/bin/sh\nexec {sys.executable} -m deeprl_tui serve\n")
    serve.chmod(0o755)
    (folder / "experiments.toml").write_text(f'[project]\nname = "study"\n[hosts.vm]\n{PROJECT}')
    host = Away(folder / "homes" / "vm" / "deeprl" / "study" / "runs")
    host.train(2, over=True)
    mirrored(folder / "runs", host)
    pull(folder / "runs", Cutting(host.root))
    return host


def test_it_asks_first(away: Away, deeprl: Deeprl) -> None:
    """Without a terminal and without --yes nothing goes."""
    said = deeprl("hosts", "tidy", "vm")
    assert said.code == ExitCode.REFUSED
    assert "not confirmed" in said.err
    assert f"{RUN}" in said.out
    assert away.paths.checkpoint.exists()


def test_dry_run(away: Away, deeprl: Deeprl) -> None:
    """It is only said what would go, also to programs."""
    said = deeprl("hosts", "tidy", "--dry-run", "--json")
    (row,) = said.rows
    assert (said.code, row["run"], row["stays"], row["moved"]) == (ExitCode.OK, str(RUN), None, False)
    assert row["bytes"] > 100_000
    assert away.paths.checkpoint.exists()


def test_tidied(away: Away, folder: Path, deeprl: Deeprl) -> None:
    """The host's copy is gone, and the second time there is nothing to do."""
    said = deeprl("hosts", "tidy", "vm", "--yes")
    assert (said.code, "vm dropped 1 run" in said.err) == (ExitCode.OK, True)
    assert not away.paths.folder.exists()
    (here,) = (folder / "runs").rglob("run.json")
    assert not home_of(type(away.paths)(here.parent))
    assert "nothing to tidy" in deeprl("hosts", "tidy", "vm").err


def test_hosts_say_so(away: Away, deeprl: Deeprl) -> None:
    """`deeprl hosts` tells of what a host need not keep."""
    assert "vm need not keep 1 run that it holds: deeprl hosts tidy vm" in deeprl("hosts").err


def test_an_unknown_host(away: Away, deeprl: Deeprl) -> None:
    """It is refused by name."""
    assert deeprl("hosts", "tidy", "nobody").code == ExitCode.UNKNOWN_NAME
