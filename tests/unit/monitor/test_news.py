"""What is announced when one picture follows another."""

from dataclasses import replace

import pytest
from support import WALL, spec

from deeprl_tui.core import state
from deeprl_tui.core.fold import fold
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import STALLED_S, RunState, RunView
from deeprl_tui.monitor.fleet import Fleet, FleetSnapshot, HostView
from deeprl_tui.monitor.frames import Alive
from deeprl_tui.monitor.news import message, news

HOST = HostView("local", now=WALL, reading=False)


def view(current: RunState, seed: int = 0, **more: object) -> RunView:
    """A run in a state."""
    return replace(fold(spec(seed=seed), {}, held=False), state=current, **more)  # type: ignore[arg-type]


def snapshot(version: int, *views: RunView, host: HostView = HOST) -> FleetSnapshot:
    """A picture of some runs on one host."""
    return FleetSnapshot(version, (host,), {view.id: view for view in views})


TRAINS = view(state.Running(WALL - 10), progressed=WALL)


def told(before: FleetSnapshot, after: FleetSnapshot) -> list[tuple[str, str]]:
    """Kind and words of the news."""
    return [(notice.kind, f"{notice.who} {notice.text}".strip()) for notice in news(before, after)]


def test_a_run_that_ends_is_news_once() -> None:
    """Finished is told when it happens, and not at the next look."""
    other = view(state.Running(WALL), 1, progressed=WALL)
    done = view(state.Finished(WALL + 1), return_mean=180.25)
    first, second = snapshot(1, TRAINS, other), snapshot(2, done, other)
    assert told(first, second) == [("finished", "CP_basic/0 finished, return 180.2")]
    assert told(second, snapshot(3, done, other)) == []


def test_a_failure_has_its_reason() -> None:
    """Step and error are in the words."""
    other = view(state.Queued(WALL), 1)
    failed = view(state.Failed(WALL + 1, "loss is NaN"), step=900)
    assert told(snapshot(1, TRAINS, other), snapshot(2, failed, other)) == [
        ("failed", "CP_basic/0 failed at step 900: loss is NaN")
    ]


def test_the_end_of_the_last_run_is_the_end_of_the_batch() -> None:
    """After the run's own news comes one that counts all."""
    failed = view(state.Failed(WALL, "x"), 1)
    kinds = told(snapshot(1, TRAINS, failed), snapshot(2, view(state.Finished(WALL + 1)), failed))
    assert kinds[-1] == ("done", "nothing runs any more: 1 finished, 1 failed")


def test_collapsed_and_solved_are_told_when_they_begin() -> None:
    """Each once, at the picture that shows it first."""
    solved = replace(TRAINS, solved_at=500)
    lost = replace(solved, collapsed=700, best_mean=190.0, return_mean=20.0)
    assert told(snapshot(1, TRAINS), snapshot(2, solved)) == [("solved", "CP_basic/0 solved at 500 steps")]
    assert told(snapshot(2, solved), snapshot(3, lost)) == [
        ("collapsed", "CP_basic/0 collapsed: return 20, was 190")
    ]
    assert told(snapshot(3, lost), snapshot(4, lost)) == []


def test_a_stall_is_told_though_nothing_is_written() -> None:
    """The view stays the same object; only the host's clock goes on."""
    early = snapshot(1, TRAINS, host=replace(HOST, now=WALL + STALLED_S - 1))
    late = snapshot(2, TRAINS, host=replace(HOST, now=WALL + STALLED_S))
    later = snapshot(3, TRAINS, host=replace(HOST, now=WALL + STALLED_S + 1))
    assert told(early, late) == [("stalled", "CP_basic/0 stalled: no step for 2 minutes")]
    assert told(late, later) == []


def test_a_full_disk_is_told_once() -> None:
    """With what its worker says of it, which names the remedy."""
    full = replace(TRAINS, waiting="disk full since noon: make room")
    words = [("stalled", "CP_basic/0 waits: disk full since noon: make room")]
    assert told(snapshot(1, TRAINS), snapshot(2, full)) == words
    assert told(snapshot(2, full), snapshot(3, full)) == []


def test_nothing_is_told_of_the_past() -> None:
    """Not while logs are read for the first time, and not of runs that were over before the old picture."""
    failed = view(state.Failed(WALL - 100, "x"))
    assert told(FleetSnapshot(), snapshot(1, failed)) == []
    reading = snapshot(1, TRAINS, host=replace(HOST, reading=True))
    assert told(reading, snapshot(2, failed)) == []
    assert told(snapshot(1), snapshot(2, failed)) == []


def test_a_run_that_began_and_ended_between_two_pictures_is_news() -> None:
    """It was never seen to run."""
    quick = view(state.Failed(WALL + 1, "no module"))
    assert [kind for kind, _ in told(snapshot(1), snapshot(2, quick))] == ["failed"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [("", "no answer", ("lost", "local is lost: no answer")), ("no answer", "", ("back", "local is back"))],
)
def test_a_host_that_goes_or_comes_back(before: str, after: str, words: tuple[str, str]) -> None:
    """A change of its fault is news; a fault that stays is none."""
    first = snapshot(1, host=replace(HOST, fault=before))
    second = snapshot(2, host=replace(HOST, fault=after))
    assert told(first, second) == [words]
    assert told(second, replace(second, version=3)) == []


def test_a_message_for_programs() -> None:
    """Words for people, fields for programs."""
    failed = view(state.Failed(WALL + 1, "x"))
    notice = news(snapshot(1, TRAINS), snapshot(2, failed))[0]
    body = message(notice, "lab")
    assert body["text"] == body["content"] == "lab: CP_basic/0 failed: x"
    assert (body["kind"], body["run"], body["at"]) == ("failed", str(RunId("CP_basic", 0)), WALL + 1)


def test_a_short_cut_of_a_link_is_no_news() -> None:
    """After half a minute it is, with its reason; then the host is back. A refused key is told at once."""
    now, fleet = [100.0], Fleet(lambda: now[0])
    alive = Alive(WALL, (), 0, 1, 1, frozenset(), True)

    def told(at: float, *faults: tuple[str, bool]) -> list[tuple[str, str]]:
        before = fleet.snapshot()
        now[0] = at
        fleet.apply("local", alive)
        for why, passing in faults:
            fleet.fault("vm", why, passing=passing)
        if not faults:
            fleet.apply("vm", alive)
        return [(notice.kind, notice.text) for notice in news(before, fleet.snapshot())]

    cut = ("it does not answer", True)
    assert told(100.0) == told(101.0) == []
    assert told(110.0, cut) == told(139.0, cut) == []
    assert told(140.0, cut) == [("lost", "no answer for 30 s: it does not answer")]
    assert told(150.0) == [("back", "is back")]
    assert told(160.0, cut) == told(161.0) == []
    refused = "its host key is another one"
    assert told(170.0, (refused, False)) == [("lost", f"is lost: {refused}")]
