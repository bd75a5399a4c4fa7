"""Read at once or line by line, cut anywhere, damaged anyhow: a log says the same."""

import math
import zlib
from collections.abc import Iterable
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import WALL, spec, start

from deeprl_tui.core import bulk, collapse, course
from deeprl_tui.core import curve as curves
from deeprl_tui.core.events import (
    Backend,
    Beat,
    Checkpoint,
    End,
    Episode,
    Eval,
    Event,
    Line,
    Queued,
    Resume,
    Unknown,
    Warn,
    encode,
)
from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.log import LineReader


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterable[None]:
    """Small curves and windows: few events merge buckets, solve and collapse. All comes in batches."""
    with (
        patch.multiple(curves, MOST=16, RECENT=12, _SLACK=3),
        patch.multiple(course, MEAN_OF=5),
        patch.multiple(collapse, WINDOW=4, PATIENCE=3),
        patch.multiple(bulk, FEW=1),
    ):
        yield


odd = st.sampled_from([math.nan, math.inf, -0.0, 1e300, 3])
reals = st.one_of(st.floats(-50, 250, width=16), odd)
wholes = st.one_of(st.integers(0, 300), st.sampled_from([-1, 1 << 62, 1 << 63, 1 << 70]))
steps = st.integers(0, 300)
calm: st.SearchStrategy[Event] = st.builds(
    Beat, steps, steps, st.floats(0, 9), steps, st.floats(0, 99), st.floats(0, 1), st.floats(0, 1)
)
wild: st.SearchStrategy[Event] = st.one_of(
    st.builds(Episode, wholes, wholes, reals, wholes),
    st.builds(Beat, wholes, wholes, reals, wholes, reals, reals, reals),
    st.builds(Eval, steps, st.lists(reals, max_size=2).map(tuple)),
    st.builds(Checkpoint, steps, steps),
    st.builds(Resume, steps, steps),
    st.builds(Warn, st.sampled_from(["", "{", '","c":"', "é\n"])),
    st.builds(Backend, st.just("numpy")),
    st.just(start()),
    st.just(Queued(WALL)),
    st.just(End(WALL)),
)


@st.composite
def trainings(draw: st.DrawFn) -> list[Line]:
    """A run as it goes: episodes and beats forward, and now and then anything."""
    lines: list[Line] = []
    episode = step = 0
    t = 0.0
    for _ in range(draw(st.integers(0, 60))):
        t += draw(st.sampled_from([0.0, 0.5, 1.0]))
        choice = draw(st.integers(0, 20))
        if choice < 11:
            episode, step = episode + 1, step + draw(st.integers(0, 9))
            event: Event = Episode(episode, step, draw(st.floats(-50, 250, width=16)), 9)
        elif choice < 19:
            step += draw(st.integers(0, 9))
            event = Beat(step, step // 4, t / 2, 10**8, 9.5, 0.5, 0.1)
        elif choice == 19:
            event = Checkpoint(step, episode)
        else:
            event = draw(wild)
        lines.append(Line(len(lines) + 1, t, event))
    return lines


damage = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=3)


def spoil(data: bytes, where: list[tuple[int, int]]) -> bytes:
    """Overwrite some bytes."""
    raw = bytearray(data)
    for place, value in where if raw else []:
        raw[place % len(raw)] = value
    return bytes(raw)


def written(lines: list[Line]) -> bytes:
    """Bytes of a log."""
    return b"".join(encode(line) for line in lines if not isinstance(line.event, Unknown))


def picture(run: RunFold, bad: int) -> str:
    """All that can be seen of a fold."""
    view = run.view(held=True)
    seen = {name: getattr(view, name) for name in view.__slots__ if name != "curves"}
    columns = {
        name: (
            [list(map(float, column)) for column in one.buckets],
            len(one),
            one.per,
            one.recent(12).tolist(),
        )
        for name, one in view.curves.items()
    }
    return repr((bad, seen, columns)).replace("-0.0", "0.0")


def one_by_one(data: bytes) -> str:
    """Fold a log line by line."""
    run, reader = RunFold(spec(solved=150.0), whole=True), LineReader()
    for line in reader.feed(data):
        run.apply(1, line)
    return picture(run, reader.bad)


def at_once(data: bytes, cuts: list[int]) -> str:
    """Fold a log in batches with these borders."""
    run, reader, last = RunFold(spec(solved=150.0), whole=True), LineReader(), 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        for what in reader.take(data[last:cut]):
            run.take(1, what)
        last = cut
    return picture(run, reader.bad)


@settings(deadline=None, max_examples=200)
@given(trainings(), damage, st.lists(st.integers(0, 10**6), max_size=4))
def test_a_training_is_folded_at_once_as_line_by_line(
    lines: list[Line], where: list[tuple[int, int]], cuts: list[int]
) -> None:
    """Wherever the borders of batches are, and whatever bytes flipped."""
    data = spoil(written(lines), where)
    assert at_once(data, cuts) == one_by_one(data)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(calm, wild), max_size=30), st.lists(st.integers(0, 10**6), max_size=4))
def test_any_events_in_any_order_are_folded_at_once_as_line_by_line(
    events: list[Event], cuts: list[int]
) -> None:
    """Values that no run has, and steps that go back."""
    data = written([Line(n, n / 2, event) for n, event in enumerate(events, start=1)])
    assert at_once(data, cuts) == one_by_one(data)


BEGINS = [b'{"n":1,', b' {"n":2,"t":null,', b'"t":1.0,', b"{", b"[", b"5", b'"']
KINDS = [b'"e":"beat"', b'"e":"later"', b'"e":[1]', b'"e":"episode","episode":1,"step":2,"r":1.0,"l":1']
ENDS = [b"}", b"]", b",", b"\\", b"\xc3\xa9", b'"c":{']
pieces = st.sampled_from([*BEGINS, *KINDS, *ENDS])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(pieces, max_size=6).map(b"".join), max_size=8))
def test_lines_with_a_right_checksum_are_read_one_by_one_in_effect(texts: list[bytes]) -> None:
    """Nobody can write lines that, taken together, say something else than each by itself."""
    data = b"".join(b'%s,"c":"%08x"}\n' % (text, zlib.crc32(text)) for text in texts)
    assert at_once(data, []) == one_by_one(data)
