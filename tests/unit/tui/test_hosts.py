"""Hosts in words and squares, with made views: one of two cores, four of 96."""

from dataclasses import replace

import pytest
from support import WALL, spec, start, training

from deeprl_tui.core.events import Line
from deeprl_tui.core.fold import fold
from deeprl_tui.core.spec import RunId
from deeprl_tui.monitor.fleet import Coming, Fleet, FleetSnapshot, HostView
from deeprl_tui.monitor.frames import Hello
from deeprl_tui.tui import host_facts, hosts
from deeprl_tui.tui.board import BoardMaker, Entry
from deeprl_tui.tui.strip import core_strip
from deeprl_tui.tui.theme import NIGHT, Palette
from deeprl_tui.tui.widgets.rows import Piece, Row
from deeprl_tui.tui.words import file_size

PALETTE = Palette.of_theme(NIGHT)
RUN = RunId("CP_basic", 0)
HOST = HostView(
    "local", (0, 1), (0.1, 0.9), 3 * 2**30, 4 * 2**30, 10 * 2**30, WALL, True, False, machine="here",
    held=frozenset({RUN}), heard=WALL,
)  # fmt: skip
BIG = replace(HOST, name="vm-1", cores=tuple(range(96)), busy=(0.5,) * 96, held=frozenset())


def entries() -> tuple[Entry, ...]:
    """One run, pinned to core 1."""
    lines = [Line(n, t, event) for n, (t, event) in enumerate([(0.0, start()), *training(3)], 1)]
    view = fold(spec(), {1: lines}, held=True)
    return BoardMaker().make(FleetSnapshot(runs={RUN: view}), None).entries


def text(line: list[Piece]) -> str:
    return "".join(piece.text for piece in line)


def row_text(row: Row) -> list[str]:
    return [
        cell if isinstance(cell, str) else cell.text if isinstance(cell, Piece) else text(cell)
        for cell in row.cells
    ]


def row(host: HostView, now: float = WALL) -> list[str]:
    return row_text(hosts.host_row(host, hosts.owners_of(host, entries()), PALETTE, now, 40))


def test_the_same_core_of_another_host_is_another_core() -> None:
    """A run is where its lock is held, whatever the numbers of the cores are."""
    other = replace(HOST, name="vm-1", held=frozenset())
    assert list(hosts.owners_of(HOST, entries())) == [1]
    assert hosts.owners_of(other, entries()) == {}
    strip = text(core_strip([HOST, other], entries(), PALETTE, 120))
    assert strip.count("▪") == 1


def test_a_host_of_two_cores() -> None:
    """A square each, busy, runs, memory, disk, and that it is live."""
    assert row(HOST) == ["●", "local", "·▪", "1/2", "1", "3.0/4.0G", "10G", "", "live"]


def test_a_host_of_96_cores_shares_squares() -> None:
    """Three cores a square in 40 cells."""
    assert row(BIG)[2] == "·" * 32


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_strip_of_four_large_hosts_has_room_for_each(width: int) -> None:
    """The name of the last host is still on the screen."""
    four = [replace(BIG, name=f"vm-{n}") for n in range(4)]
    assert "vm-3" in text(core_strip(four, (), PALETTE, width))[:width]


def test_the_strip_of_very_many_hosts_is_a_sum() -> None:
    """Numbers for each as long as they fit, then how many there are."""
    many = [replace(BIG, name=f"vm-{at}", fault="gone" if at == 3 else "") for at in range(12)]
    assert "vm-2 0/96  vm-3 ✗   vm-4 0/96" in text(core_strip(many, (), PALETTE, 160))
    assert text(core_strip(many, (), PALETTE, 80)) == (" 12 hosts  0 of 1056 cores busy, 0 runs  ✗ vm-3")


def test_a_fault_is_a_state_with_its_age() -> None:
    """What is known stays; the squares give way to the reason."""
    gone = replace(HOST, fault="it does not answer; is it on?", fault_since=WALL - 240)
    assert row(gone)[2] == "it does not answer"
    assert row(gone)[6] == "10G"
    told = [text(line) for line in host_facts.fact_lines(gone, PALETTE, WALL, 60)]
    assert "state       unreachable for 4m" in told
    assert "why         it does not answer" in told
    assert "            is it on?" in told
    assert "its runs    go on there by themselves" in told


def test_a_short_cut_is_a_new_connection() -> None:
    """For half a minute; a key that was refused does not come right by itself."""
    cut = replace(HOST, fault="it does not answer", passing=True, fault_since=WALL - 14, heard=WALL - 14)
    assert (row(cut)[2], row(cut)[-1]) == ("reconnecting: it does not answer", "10s old")
    assert row(replace(cut, fault_since=WALL - 31))[0] == row(replace(cut, passing=False))[0] == "✗"


def test_what_is_scarce_or_wrong_has_a_sign() -> None:
    """Color is never the only one."""
    wrong = replace(HOST, disk_free=2**30, warning="runs deeprl-tui 0")
    assert (row(wrong)[0], row(wrong)[6]) == ("!", "1.0G!")


@pytest.mark.parametrize(
    ("by_age", "rule"), [(True, "from when it was made, at most"), (False, "for the hours its workers ran")]
)
def test_a_price_comes_with_its_rule(by_age: bool, rule: str) -> None:
    """What it has cost, what an hour costs, and which hours count."""
    host = replace(HOST, price=0.6, spend=1.234, by_age=by_age)
    told = [text(line) for line in host_facts.fact_lines(host, PALETTE, WALL, 80)]
    assert told[-1] == f"cost        $1.23 at $0.60 an hour, {rule}"


def test_files_on_their_way() -> None:
    """What comes of a host's files is told, or why it does not."""
    comes = replace(HOST, coming=Coming(2, "CP_basic/0", "checkpoint", 3_000_000, 12_000_000))
    told = [text(line) for line in host_facts.fact_lines(comes, PALETTE, WALL, 60)]
    at = next(at for at, line in enumerate(told) if line.startswith("files"))
    assert told[at : at + 2] == [
        f"files       ━━╸─────── 25% of {file_size(12e6)}",
        "            CP_basic/0 checkpoint, 1 run more",
    ]
    assert row(comes)[-1] == "↓ 25%"
    stuck = replace(HOST, coming=Coming(2, why="no space here"))
    assert "files       no space here" in [
        text(line) for line in host_facts.fact_lines(stuck, PALETTE, WALL, 60)
    ]


def test_a_clock_that_differs_is_told() -> None:
    """By how much, since times of its runs are by that clock."""
    told = [text(line) for line in host_facts.fact_lines(replace(HOST, ahead=-90.0), PALETTE, WALL, 60)]
    assert "clock       2m behind ours" in told


def test_a_silent_host_says_for_how_long() -> None:
    """A feed that hangs says no fault; the age of the data does."""
    assert row(HOST, WALL + 60)[0::8] == ["◌", "1m old"]


def test_the_age_is_by_the_clock_of_the_dashboard() -> None:
    """A host whose clock is wrong is not old."""
    fleet = Fleet(lambda: 5000.0)
    fleet.apply("vm-1", Hello(1, "0.1", "name", "boot", (0,)))
    (host,) = fleet.snapshot().hosts
    assert (host.heard, host.machine, host.version) == (5000.0, "name", "0.1")


def test_a_fault_keeps_the_time_it_began() -> None:
    """Told again and again it grows older."""
    now = 100.0
    fleet = Fleet(lambda: now)
    fleet.fault("vm-1", "gone")
    now = 160.0
    fleet.fault("vm-1", "still gone")
    assert fleet.snapshot().hosts[0].fault_since == 100.0


def test_few_cores_have_a_row_and_a_bar_each() -> None:
    """Number, square, run, load as a bar and as a number."""
    lines = hosts.core_lines(HOST, hosts.owners_of(HOST, entries()), PALETTE, 60, 9)
    shown = [" ".join(text(line).split()) for line in lines]
    assert shown == ["0 · free ━━──────────────────── 10%", "1 ▪ CP_basic/0 ━━━━━━━━━━━━━━━━━━━╸── 90%"]


def test_two_cores_in_one_row() -> None:
    """Without a row for each, and without bars."""
    lines = hosts.core_lines(HOST, hosts.owners_of(HOST, entries()), PALETTE, 76, 1)
    assert [" ".join(text(line).split()) for line in lines] == ["0 · free 10% 1 ▪ CP_basic/0 90%"]


def test_96_cores_fit_in_as_few_rows_as_will_do() -> None:
    """With a screen of 24 rows at least a part of every name is shown."""
    lines = hosts.core_lines(BIG, {}, PALETTE, 76, 24)
    assert len(lines) == 24
    assert max(len(text(line)) for line in lines) <= 76


def test_the_caption_counts_what_is_up() -> None:
    """Cores of an unreachable host are not up."""
    known = [HOST, replace(BIG, fault="gone")]
    assert hosts.caption(known, entries(), WALL) == "2 hosts · 2 of 98 cores up · 1 run"
