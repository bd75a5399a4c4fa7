"""What the launch screen says, without an app."""

from pathlib import Path

import pytest

from deeprl_tui import config
from deeprl_tui.config.keys import defaults
from deeprl_tui.core.eta import Eta
from deeprl_tui.core.spec import Json, RunId
from deeprl_tui.monitor.fleet import FleetSnapshot, HostView
from deeprl_tui.runs.plan import Plan, PlannedExperiment, Share
from deeprl_tui.runs.spread import Room
from deeprl_tui.tui.forecast import plan_lines
from deeprl_tui.tui.launching import (
    Existing,
    Outlook,
    Wish,
    change_rows,
    host_options,
    twin,
    work_out,
)
from deeprl_tui.tui.theme import NIGHT, Palette
from deeprl_tui.tui.typed import completed, counted, fits, help_for, spelled

PALETTE = Palette.of_theme(NIGHT)
RUN = RunId("A", 0)


def plan(tmp_path: Path, new: int = 5, busy: int = 2, memory: int = 2**30) -> Plan:
    """Five seeds of one experiment on four cores."""
    file = tmp_path / "experiments.toml"
    file.write_text(
        '[experiments.base]\nenv = "CartPole-v1"\nbaseline = true\n'
        '[experiments.A]\nenv = "CartPole-v1"\ngamma = 0.9\nnet_arch = [32]\n'
    )
    experiment = config.load(file).experiments["A"]
    each = Eta(600, 700, 900)
    part = PlannedExperiment(experiment, (0, 1, 2, 3, 4), new, memory, each)
    return Plan((part,), (0, 1, 2, 3), busy, memory, 16 * 2**30, Eta(1, 1.2, 2), Eta(1200, 1400, 1800), ())


def said(outlook: Outlook) -> str:
    """The plan as text; the clock stands at 00:00 UTC."""
    return "\n".join("".join(piece.text for piece in line) for line in plan_lines(outlook, PALETTE, 0.0))


def test_the_plan_says_cores_waves_memory_disk_and_cost(tmp_path: Path) -> None:
    """Two cores are busy: two runs start at once, three wait."""
    text = said(Outlook(plan(tmp_path), disk=5 * 2**20, disk_free=60 * 2**30))
    assert "5 new runs on 4 cores  2 waves" in text
    assert "▪▪■■  2 of 4 free" in text
    assert "each run  10m to 15m" in text
    assert "memory    1.0G of 16G free" in text
    assert "disk      ~5M of 60G free" in text
    assert "cost      –" in text


def test_the_plan_says_when_it_will_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A range, and the times of day."""
    monkeypatch.setattr("deeprl_tui.tui.forecast.clock", lambda at: f"<{at:.0f}>")
    assert "all done  in 20–30m, <1200> to <1800>" in said(Outlook(plan(tmp_path)))


def test_the_plan_says_what_becomes_of_old_runs(tmp_path: Path) -> None:
    """Some go on, some are left as they are; or all go to the archive."""
    text = said(Outlook(plan(tmp_path, new=3), resumed=(RUN,)))
    assert "1 run goes on" in text
    assert "1 run is there already" in text
    assert "5 old runs moved to the archive" in said(Outlook(plan(tmp_path), archived=5))


def test_too_little_memory_is_a_warning(tmp_path: Path) -> None:
    """More than is free."""
    assert "32G of 16G free: expect swapping" in said(Outlook(plan(tmp_path, memory=32 * 2**30)))


def test_what_changes_is_a_row_for_each_setting(tmp_path: Path) -> None:
    """Under the experiment and its baseline; the key of a row names both."""
    rows = change_rows(Outlook(plan(tmp_path)), PALETTE, 40)
    assert [row.key for row in rows] == ["# A", "A gamma", "A net_arch"]


@pytest.mark.parametrize(
    ("existing", "outlook", "line"),
    [
        ("skip", True, "deeprl run A --seeds 0-4 --set gamma=0.9"),
        ("fresh", True, "deeprl run A --seeds 0-4 --set gamma=0.9 --fresh"),
        ("resume", True, "deeprl resume A; deeprl run A --seeds 0-4 --set gamma=0.9"),
    ],
)
def test_the_command_that_does_the_same(tmp_path: Path, existing: Existing, outlook: bool, line: str) -> None:
    """Also for old runs."""
    wish = Wish(("A",), "0-4", ("gamma=0.9",), existing)
    assert twin(wish.names, wish, Outlook(plan(tmp_path), resumed=(RUN,)) if outlook else None) == line


def test_words_are_quoted_for_a_shell() -> None:
    """What is typed cannot become another command."""
    wish = Wish(("A",), "0;rm", ("net_arch=[64, 64]",))
    assert twin(wish.names, wish, None) == "deeprl run A --seeds '0;rm' --set 'net_arch=[64, 64]'"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], True),
        (["ll", "gc"], True),
        (["llg10"], True),
        (["lunar"], True),
        (["gcx"], False),
        (["01"], False),
    ],
)
def test_letters_in_order_find_a_name(words: list[str], found: bool) -> None:
    """Words of name or env, or the letters of the name in their order."""
    assert fits(words, "LL_gc10", "LunarLander-v3") is found


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("gam", "gamma="),
        ("gamma=0.9 net_a", "gamma=0.9 net_arch="),
        ("gamma=", "gamma=0.5"),
        ("net_arch=", "net_arch=64x64"),
        ("max_grad_norm=", "max_grad_norm=none"),
        ("", None),
        ("gamma=0.", None),
        ("zzz", None),
    ],
)
def test_keys_and_values_are_completed(typed: str, whole: str | None) -> None:
    """A key by its beginning, a value by what it is now."""
    values: dict[str, Json] = {**defaults(), "gamma": 0.5, "net_arch": [64, 64], "max_grad_norm": None}
    assert completed(typed, values) == whole


def test_what_is_completed_can_be_read(tmp_path: Path) -> None:
    """Every default, spelled and read again, is itself."""
    for key, value in defaults().items():
        name, read = config.parse_override(f"{key}={spelled(value)}")
        assert (name, None if read == "none" else read) == (key, value)


def test_help_while_typing() -> None:
    """The keys that begin so, then what the key means and is."""
    assert help_for("gr", {}).split() == ["gradient_steps", "grad_clip"]
    assert help_for("gamma=0.9", {"gamma": 0.5}) == "gamma: Discount factor. Now 0.5."
    assert help_for("", {}) == ""


def test_hosts_are_listed_with_how_they_stand() -> None:
    """This machine first; one that cannot be reached, and one that has not been heard of, say so."""
    hosts = [
        HostView("vm", tuple(range(8)), held=frozenset({RUN})),
        HostView("local", (0, 1)),
        HostView("old", (0,), fault="timed out"),
        HostView("work", (0,), held=frozenset({RUN})),
    ]
    assert host_options(hosts, ["vm", "new"]) == [
        ("local", "2/2 free", True),
        ("new", "not heard yet", False),
        ("old", "✗ no answer", False),
        ("vm", "7/8 free", True),
        ("work", "full, 0/1 free", True),
    ]


def test_the_plan_has_a_line_for_each_host(tmp_path: Path) -> None:
    """Cores that are taken there, that its new runs take, that stay free; when it is done, for how much."""
    soon, cost = Eta(1800, 2400, 3000), Eta(0.5, 0.6, 0.8)
    shares = {
        "local": Share(Room(2, 2)),
        "vm": Share(Room(8, 1, price=0.6), 4, finish=soon, cost=cost),
        "lab": Share(Room(3), 1),
    }
    lines = said(Outlook(plan(tmp_path), shares=shares)).splitlines()
    assert lines[1] == "vm        ▪■■■■···  4 runs  30–50m  $0.50–0.80"
    assert lines[2] == "lab       ■··        1 run"
    assert lines[3] == "local     ▪▪        full"
    assert lines[-1] == "cost      $0.50–0.80 at $0.60 an hour, lab not counted"


def test_many_hosts_take_few_lines(tmp_path: Path) -> None:
    """Those that get most runs, and how many the others are."""
    shares = {f"vm-{at}": Share(Room(8), at) for at in range(12)}
    text = said(Outlook(plan(tmp_path), shares=shares))
    assert "vm-11     ■■■■■■■■" in text
    assert "and       8 hosts more, 28 runs there" in text


def test_a_crowded_host_is_a_warning(tmp_path: Path) -> None:
    """And so is another version there."""
    shares = {"vm": Share(Room(8, memory=2**30), 4, memory=2**31)}
    text = said(Outlook(plan(tmp_path), shares=shares, warnings=("vm: runs deeprl-tui 0",)))
    assert "memory    vm: 2.0G of 1.0G free: expect swapping" in text
    assert "warning   vm: runs deeprl-tui 0" in text


@pytest.mark.parametrize(
    ("hosts", "existing", "fault"),
    [
        (("vm",), "skip", ""),
        (("local", "vm"), "skip", ""),
        (("vm", "old"), "skip", "old: does not answer"),
        (("vm",), "fresh", "hosts: only runs of this machine are archived"),
        (("local",), "fresh", ""),
    ],
)
def test_what_hosts_cannot_do_is_refused(
    tmp_path: Path, hosts: tuple[str, ...], existing: Existing, fault: str
) -> None:
    """Before anything is made; what can be done has a place for each run."""
    plan(tmp_path)
    project = config.load(tmp_path / "experiments.toml")
    views = (HostView("local", (0, 1)), HostView("vm", (0, 1, 2)), HostView("old", fault="timed out"))
    wish = Wish(("A",), "4", (), existing, hosts)
    outlook = work_out(project, wish, {}, tmp_path / "runs", FleetSnapshot(hosts=views))
    assert "".join(map(str, outlook.refused)).startswith(fault)
    assert bool(outlook.refused) == bool(fault)
    assert sum(share.runs for share in outlook.shares.values()) == (0 if fault or wish.is_local else 4)


@pytest.mark.parametrize(
    ("text", "step", "told"), [("", 1, "4"), ("2", -1, "1"), ("1", -1, "1"), ("0,3", 1, "0,3")]
)
def test_seeds_are_counted(text: str, step: int, told: str) -> None:
    """From what the file says, down to one; a list stays."""
    assert counted(text, 3, step) == told


def test_the_command_names_the_hosts() -> None:
    """Only where they are not this machine alone."""
    wish = Wish(("A",), hosts=("local", "vm"))
    assert twin(wish.names, wish, None) == "deeprl run A --on local,vm"
