"""Hosts that are silent: when the cloud is asked about them, and what becomes of their runs."""

import threading
from collections.abc import Mapping

import pytest
from support import wait_until

from deeprl_tui.core.spec import RunId
from deeprl_tui.ops.absent import ASK_AFTER_S, ASK_AGAIN_S, ASK_MOST_S, OLD_S, Absent, States

RUN = RunId("base", 1)


class Lab:
    """Two machines of one project in a cloud, and a host that is of none."""

    def __init__(self) -> None:
        self.now = 100.0
        self.states: States | None = {"p-1": "", "p-2": ""}
        self.asked: list[str] = []
        self.requeued: list[str] = []
        self.told: list[tuple[str, str]] = []
        self.open = threading.Event()  # the cloud answers
        self.open.set()
        self.absent = Absent(
            self._requeue,
            monotonic=lambda: self.now,
            old=lambda host, silent: host != "own" and silent > OLD_S,
            label=lambda host: "" if host == "own" else "p",
            ask=self._ask,
            told=lambda host, why: self.told.append((host, why)),
        )

    def _requeue(self, host: str) -> Mapping[RunId, str]:
        self.requeued.append(host)
        return {RUN: "p-1"} if len(self.requeued) == 1 else {}

    def _ask(self, label: str) -> States | None:
        self.asked.append(label)
        self.open.wait(10)
        return self.states

    def silent(self, host: str, after: float) -> str:
        """A host does not answer, some seconds later; what is said of it once the cloud has answered."""
        self.now += after
        said = self.absent.silent(host, "does not answer")
        wait_until(lambda: not self.open.is_set() or not self.absent._asking, 10, "the cloud")
        return said


@pytest.fixture
def lab() -> Lab:
    """Nobody is silent yet."""
    return Lab()


def test_off(lab: Lab) -> None:
    """The runs of a machine that the cloud calls off go elsewhere at once, and it is said."""
    lab.states = {"p-1": "", "p-2": "off"}
    lab.silent("p-2", 0)
    assert lab.silent("p-2", ASK_AFTER_S) == "does not answer"
    why = "its machine is off; deeprl gce up starts it again; base/1 goes on on p-1"
    wait_until(lambda: lab.told == [("p-2", why)], 10, "the word")
    assert lab.silent("p-2", 30) == why
    assert lab.requeued == ["p-2", "p-2"]  # what found no room the first time


def test_room_later(lab: Lab) -> None:
    """When a core becomes free, runs of a machine that is off are looked at again, those of others not."""
    lab.states = {"p-2": "off"}
    for host in ("p-2", "own"):
        lab.silent(host, 0)
    lab.silent("p-2", ASK_AFTER_S)
    wait_until(lambda: len(lab.told) == 1, 10, "the word")
    lab.absent.look_again()
    assert lab.requeued == ["p-2", "p-2"]


def test_gone(lab: Lab) -> None:
    """A machine that is not in the listing is deleted."""
    lab.states = {"p-1": ""}
    lab.silent("p-2", 0)
    lab.silent("p-2", ASK_AFTER_S)
    wait_until(lambda: lab.told == [("p-2", "its machine is deleted; base/1 goes on on p-1")], 10, "the word")


@pytest.mark.parametrize("states", [{"p-2": ""}, None])
def test_on_or_not_known(lab: Lab, states: States | None) -> None:
    """A machine that is on, or of which the cloud says nothing, keeps its runs."""
    lab.states = states
    lab.silent("p-2", 0)
    lab.silent("p-2", ASK_AFTER_S)
    assert lab.silent("p-2", 1) == "does not answer"
    assert lab.asked == ["p"]
    assert not lab.requeued


def test_silent_for_too_long(lab: Lab) -> None:
    """What the cloud does not tell is known in the end."""
    lab.states = None
    lab.silent("p-2", 0)
    assert lab.silent("p-2", OLD_S + 1) == "does not answer; base/1 goes on on p-1"


def test_hosts_of_no_cloud(lab: Lab) -> None:
    """About other hosts nobody is asked, and they are waited for."""
    lab.silent("own", 0)
    lab.silent("own", 2 * OLD_S)
    assert not lab.asked
    assert not lab.requeued


def test_a_short_cut_asks_nobody(lab: Lab) -> None:
    """A host that answers again soon costs no question."""
    lab.silent("p-2", 0)
    lab.absent.spoke("p-2")
    lab.silent("p-2", ASK_AFTER_S)
    assert not lab.asked


def test_asked_seldom(lab: Lab) -> None:
    """About one host, and about all of a project, the cloud is asked one question at a time, now and then."""
    lab.silent("p-1", 0)
    lab.silent("p-2", 0)
    lab.open.clear()
    lab.silent("p-1", ASK_AFTER_S)
    lab.silent("p-2", ASK_MOST_S)
    assert len(lab.asked) == 1
    lab.open.set()
    lab.silent("p-2", 1)
    assert len(lab.asked) == 1  # that answer was about both
    lab.silent("p-2", ASK_AGAIN_S - ASK_MOST_S - 2)
    assert len(lab.asked) == 1
    lab.silent("p-2", ASK_MOST_S)
    assert len(lab.asked) == 2


def test_an_answer_that_comes_too_late(lab: Lab) -> None:
    """What was asked about an earlier silence does not count for this one."""
    lab.states = {"p-2": "stopping"}
    lab.silent("p-2", 0)
    lab.open.clear()
    lab.silent("p-2", ASK_AFTER_S)
    lab.absent.spoke("p-2")
    lab.silent("p-2", 1)
    lab.open.set()
    assert lab.silent("p-2", 1) == "does not answer"
    assert not lab.requeued
