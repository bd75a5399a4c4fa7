"""Whatever the bytes and the cuts, a log gives back what was written or counts the loss."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support import training

from deeprl_tui.core.events import Episode, Line, encode
from deeprl_tui.core.fold import RunFold
from deeprl_tui.core.log import EventLog, LineReader, read_lines
from deeprl_tui.core.spec import RunId, RunSpec

LINES = [Line(n, t, event) for n, (t, event) in enumerate(training(20), start=1)]
BYTES = b"".join(encode(line) for line in LINES)


@given(st.lists(st.integers(0, len(BYTES)), max_size=30))
def test_cuts_between_reads_change_nothing(cuts: list[int]) -> None:
    """However the stream is cut, each line comes once and whole."""
    reader, got, last = LineReader(), [], 0
    for cut in [*sorted(cuts), len(BYTES)]:
        got += list(reader.feed(BYTES[last:cut]))
        last = cut
    assert (got, reader.bad) == (LINES, 0)


@given(st.lists(st.tuples(st.integers(0, len(BYTES) - 1), st.integers(0, 255)), max_size=20))
def test_damage_never_passes_for_a_value(damage: list[tuple[int, int]]) -> None:
    """Every line that is read is one that was written, in its order."""
    raw = bytearray(BYTES)
    for place, value in damage:
        raw[place] = value
    got = list(LineReader().feed(bytes(raw)))
    kept = iter(LINES)
    assert all(line in kept for line in got)


@given(st.binary(max_size=2000))
def test_rubbish_never_raises(rubbish: bytes) -> None:
    """A reader survives anything."""
    assert list(LineReader().feed(rubbish + b"\n")) == []


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 400))
def test_a_log_cut_anywhere_goes_on_whole(lost: int) -> None:
    """After a kill at any byte the next writer leaves a log without a torn line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events-1.jsonl"
        path.write_bytes(BYTES)
        os.truncate(path, len(BYTES) - lost)
        log = EventLog(path, lambda: 99.0)
        log.append(Episode(21, 210, 21.0, 10))
        log.close()
        lines, bad = read_lines(path)
        assert bad == 0
        assert lines[-1].n == len(lines)
        assert lines[:-1] == LINES[: len(lines) - 1]


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(range(len(LINES)))), max_size=60))
def test_the_fold_survives_any_order_of_events(order: list[tuple[int, int]]) -> None:
    """A log that somebody shuffled gives some view, and curves whose steps never go back."""
    run = RunFold(RunSpec(RunId("a", 0), "CartPole-v1", {"total_timesteps": 100}))
    for attempt, index in order:
        run.apply(attempt, LINES[index])
    view = run.view(held=True)
    for curve in view.curves.values():
        assert list(curve.buckets.step) == sorted(curve.buckets.step)
    assert 0.0 <= view.progress <= 1.0
