"""The words between a player and who watches: all that is said arrives, and nothing else is believed."""

import io
import json
import math

from hypothesis import given
from hypothesis import strategies as st

from deeprl_tui.core import playing
from deeprl_tui.core.playing import (
    CELL,
    Fault,
    Frame,
    Picture,
    Played,
    Progress,
    ProtocolError,
    Scene,
    Wish,
    encode,
    read,
)

words = st.text(st.characters(codec="utf-8"), max_size=30)
plain = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
whole = st.integers(0, 10**12)
numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
overs = st.sampled_from(["", "terminated", "truncated"])


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """A picture of cells."""
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    data = bytearray(draw(st.binary(min_size=width * height * CELL, max_size=width * height * CELL)))
    data[::CELL] = bytes(glyph % 16 for glyph in data[::CELL])
    return Picture(draw(st.sampled_from(["quarters", "halves"])), width, height, bytes(data))


messages = st.one_of(
    st.builds(
        Scene,
        env=plain,
        checkpoint=plain,
        trained=st.none() | whole,
        there=st.just(("best", "last")),
        actions=st.lists(plain, max_size=6).map(tuple),
        width=st.integers(0, 2000),
        height=st.integers(0, 2000),
        blank=plain,
        solved=st.none() | numbers,
    ),
    st.builds(
        Frame,
        episode=whole,
        step=whole,
        total=numbers,
        reward=numbers,
        action=st.integers(0, 31),
        values=st.lists(numbers, max_size=8).map(tuple),
        over=overs,
        picture=st.none() | pictures(),
    ),
    st.builds(Played, episode=whole, total=numbers, length=whole, over=overs),
    st.builds(Progress, frames=whole),
    st.builds(Fault, text=plain),
)


@given(st.lists(messages, max_size=5))
def test_what_is_said_arrives(said: list[playing.Message]) -> None:
    """In order, whole, and then the end."""
    stream = io.BytesIO(b"".join(map(encode, said)))
    assert [read(stream) for _ in said] == said
    assert read(stream) is None


@given(messages, st.data())
def test_a_damaged_message_is_refused_or_a_message(message: playing.Message, data: st.DataObject) -> None:
    """Whatever byte is another one: no other error, and no picture that is not of its size."""
    line = bytearray(encode(message))
    line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read(io.BytesIO(bytes(line)))
    except ProtocolError:
        return
    if isinstance(found, Frame) and found.picture is not None:
        picture = found.picture
        assert len(picture.data) == picture.width * picture.height * CELL
        assert max(picture.data[::CELL], default=0) < 16


@given(messages, st.data())
def test_a_torn_message_is_refused(message: playing.Message, data: st.DataObject) -> None:
    """A player that dies in the middle of a word leaves no half frame."""
    line = encode(message)
    part = line[: data.draw(st.integers(1, len(line) - 1))]
    try:
        found = read(io.BytesIO(part))
    except ProtocolError:
        return
    raise AssertionError(f"{found} was made of {part!r}")


@given(st.binary(max_size=200))
def test_noise_is_refused(noise: bytes) -> None:
    """What an environment prints is no message."""
    try:
        assert read(io.BytesIO(noise)) is None
        assert not noise
    except ProtocolError:
        return


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


@given(messages, st.data())
def test_a_field_of_another_kind_is_refused_or_harmless(
    message: playing.Message, data: st.DataObject
) -> None:
    """Any JSON in any field."""
    head, _, rest = encode(message).partition(b"\n")
    raw = json.loads(head)
    raw[data.draw(st.sampled_from(sorted(raw)))] = data.draw(json_values)
    try:
        found = read(io.BytesIO(json.dumps(raw).encode() + b"\n" + rest))
    except ProtocolError:
        return
    texts = [getattr(found, name, "") for name in ("env", "checkpoint", "blank", "text")]
    assert all(text.isprintable() for text in texts)


@given(words)
def test_texts_are_cleaned(text: str) -> None:
    """No escape sequence of an error reaches a terminal."""
    found = read(io.BytesIO(encode(Fault(text))))
    assert isinstance(found, Fault)
    assert found.text.isprintable()


@given(st.integers(playing.MAX_DATA + 1, 10**30))
def test_no_memory_is_taken_for_a_claim(size: int) -> None:
    """A message that says it is huge is refused before it is read."""
    line = json.dumps({"is": "Fault", "text": "", "bytes": size}).encode() + b"\n"
    try:
        read(io.BytesIO(line))
    except ProtocolError:
        return
    raise AssertionError("it was read")


def test_a_line_without_end_is_refused() -> None:
    """It is not read to its end."""
    stream = io.BytesIO(b"x" * (playing.MAX_LINE + 100))
    try:
        read(stream)
    except ProtocolError:
        assert stream.tell() == playing.MAX_LINE + 1
        return
    raise AssertionError("it was read")


def test_what_has_diverged_is_not_a_number() -> None:
    """Values that are infinite or NaN arrive as NaN."""
    frame = Frame(1, 2, 3.0, 4.0, 0, (math.nan, math.inf, 1.0), "", None)
    found = read(io.BytesIO(encode(frame)))
    assert isinstance(found, Frame)
    assert [math.isnan(value) for value in found.values] == [True, True, False]


@given(
    st.builds(
        Wish,
        kind=st.sampled_from(playing.KINDS),
        columns=st.integers(0, 300),
        rows=st.integers(0, 300),
        fps=st.floats(1, 60),
        speed=st.floats(0, 64),
        paused=st.booleans(),
        nudges=whole,
        rounds=whole,
        episodes=whole,
        checkpoint=plain,
        ground=st.sampled_from(["", "#0f1117"]),
    )
)
def test_a_wish_arrives(wish: Wish) -> None:
    """As one line."""
    line = wish.encode()
    assert line.count(b"\n") == 1
    assert Wish.decode(line) == wish
