"""Which run goes where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprl_tui.core.spec import RunId
from deeprl_tui.runs.spread import Room, spread


def runs(number: int) -> list[RunId]:
    """Names."""
    return [RunId("a", seed) for seed in range(number)]


def test_largest_first() -> None:
    """The largest run begins first, and the smaller ones share the other core."""
    a, b, c = runs(3)
    assert spread({a: 10.0, b: 100.0, c: 20.0}, {"vm": Room(1), "box": Room(1)}) == {"box": [b], "vm": [c, a]}


def test_busy_host() -> None:
    """A host whose cores are taken gets runs last."""
    (a,) = runs(1)
    assert spread({a: 5.0}, {"a": Room(2, busy=2), "b": Room(1)})["b"] == [a]


def test_equal_hosts_share() -> None:
    """Where several hosts would be done at once, the one with the most free cores takes the run."""
    a, b, c = runs(3)
    found = spread(dict.fromkeys((a, b, c), 1.0), {"one": Room(2), "two": Room(4)})
    assert found == {"one": [a], "two": [b, c]}


def test_no_room() -> None:
    """Without a core there is nothing to decide."""
    with pytest.raises(ValueError, match="no host"):
        spread(dict.fromkeys(runs(1), 1.0), {"vm": Room(0)})


WORK = st.lists(st.none() | st.floats(1, 1000), max_size=20)
ROOMS = st.lists(st.builds(Room, st.integers(1, 4), st.integers(0, 6)), min_size=1, max_size=4)


@given(WORK, ROOMS)
def test_everybody_once(work: list[float | None], rooms: list[Room]) -> None:
    """Each run goes to exactly one host."""
    names = runs(len(work))
    found = spread(dict(zip(names, work, strict=True)), {f"h{at}": room for at, room in enumerate(rooms)})
    assert sorted(run for ids in found.values() for run in ids) == names


@given(st.lists(st.floats(1, 100), min_size=1, max_size=20), st.integers(1, 4))
def test_not_far_from_best(work: list[float], hosts: int) -> None:
    """The last core is done no later than Graham's bound for any list: the mean load and most of one run."""
    names = runs(len(work))
    sizes = dict(zip(names, work, strict=True))
    found = spread(dict(sizes), {f"h{at}": Room(1) for at in range(hosts)})
    end = max(sum(sizes[run] for run in ids) for ids in found.values())
    assert end <= sum(work) / hosts + max(work) * (1 - 1 / hosts) + 1e-9
