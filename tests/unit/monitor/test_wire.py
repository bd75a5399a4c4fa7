"""Frames on the wire: what was said arrives, and what was never said does not."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeprl_tui.core.spec import RunId
from deeprl_tui.monitor import wire
from deeprl_tui.monitor.frames import Alive, Damaged, Data, Described, Glimpse, Hello, Reset

WORDS = st.text(string.ascii_letters + string.digits + " _-/.", max_size=20)
COUNTS = st.integers(0, 2**53)
SHARES = st.floats(0, 1)
RUNS = st.builds(RunId, st.sampled_from(["LL_basic", "CP+x=1"]), st.integers(0, 10**9))
FRAMES = st.one_of(
    st.builds(Hello, COUNTS, WORDS, WORDS, WORDS, st.lists(st.integers(0, 500), max_size=8).map(tuple)),
    st.builds(Described, RUNS, st.binary(max_size=200), st.booleans()),
    st.builds(Data, RUNS, st.integers(1, 999_999), COUNTS, st.binary(max_size=300)),
    st.builds(
        Alive,
        st.floats(0, 2e9),
        st.lists(SHARES, max_size=8).map(tuple),
        COUNTS,
        COUNTS,
        COUNTS,
        st.frozensets(RUNS, max_size=4),
        st.booleans(),
        st.dictionaries(RUNS, WORDS, max_size=2),
        COUNTS,
        COUNTS,
    ),
    st.builds(Glimpse, RUNS, st.integers(1, 999_999), st.binary(max_size=300)),
    st.builds(Reset, RUNS, WORDS),
    st.builds(Damaged, WORDS, WORDS),
    st.builds(wire.Answer, WORDS, st.booleans(), st.none() | st.lists(st.integers()), WORDS),
)


@given(FRAMES, st.booleans())
def test_there_and_back(said: wire.Said, zipped: bool) -> None:
    """What is written is read, packed or not."""
    line = wire.encode(said, zipped=zipped)
    assert line.count(b"\n") == 1
    assert wire.decode(line) == said


def test_a_piece_that_unpacks_to_too_much_is_refused() -> None:
    """A kilobyte on the wire may be a gigabyte in memory."""
    line = wire.encode(Data(RunId("a", 0), 1, 0, bytes(wire.MAX_PIECE + 1)), zipped=True)
    with pytest.raises(wire.WireError, match="too large"):
        wire.decode(line)


@given(FRAMES, st.booleans(), st.data())
def test_flipped_bit(said: wire.Said, zipped: bool, data: st.DataObject) -> None:
    """A damaged line is refused or read as some frame; nothing else can come of it."""
    line = bytearray(wire.encode(said, zipped=zipped))
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        wire.decode(bytes(line))
    except wire.WireError:
        return


@given(st.binary(max_size=200))
def test_rubbish(line: bytes) -> None:
    """Any bytes are refused, or are of an unknown kind."""
    try:
        assert wire.decode(line) is None
    except wire.WireError:
        return


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "run",
    "spec",
    "attempt",
    "offset",
    "data",
    "crc",
    "now",
    "busy",
    "held",
    "cores",
    "format",
    "waiting",
]


@given(st.sampled_from(sorted(wire._READERS)), st.dictionaries(st.sampled_from(FIELDS), JSONS))
def test_wrong_fields(kind: str, body: dict[str, object]) -> None:
    """Fields that are missing or of another type are refused, or make a frame that can be written again."""
    try:
        said = wire.decode(json.dumps({"f": kind, **body}).encode())
    except wire.WireError:
        return
    assert said is not None
    assert wire.decode(wire.encode(said)) == said


def test_changed_data() -> None:
    """Data whose checksum is another is refused."""
    line = wire.encode(Data(RunId("a", 0), 1, 0, b"hello\n")).replace(b'"crc":', b'"crc":1')
    with pytest.raises(wire.WireError, match="checksum"):
        wire.decode(line)


def test_requests() -> None:
    """A request arrives with its arguments."""
    request = wire.Request("7", "launch", {"specs": ["x"], "fresh": False})
    assert wire.decode_request(wire.encode_request(request)) == request
    with pytest.raises(wire.WireError, match="an id and an op"):
        wire.decode_request(b'{"op": 5}')
