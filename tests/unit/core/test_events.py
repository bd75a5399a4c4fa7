"""The one-line form of events."""

import math
import zlib

import pytest

from deeprl_tui.core.events import (
    MAX_LINE,
    BadLineError,
    Beat,
    End,
    Episode,
    Eval,
    Line,
    Start,
    Unknown,
    decode,
    encode,
)


def test_a_line_is_plain_json_with_its_checksum_last() -> None:
    """Other programs read the log as JSON lines."""
    raw = encode(Line(3, 1.5, Episode(2, 61, 24.0, 24)))
    assert raw.startswith(b'{"n":3,"t":1.5,"e":"episode","episode":2,"step":61,"r":24.0,"l":24,"c":"')
    assert raw.endswith(b'"}\n')


@pytest.mark.parametrize(
    "event",
    [
        Episode(2, 61, 24.0, 24),
        Start(at=1.0, attempt=2, pid=7, host="h", cores=(0, 3), versions={"torch": "2"}),
        Eval(10, (1.0, 2.5), (3, 4), True),
        End(1.0, "failed", 5, 'Value\nError: "x"'),
    ],
)
def test_what_is_written_is_read(event: object) -> None:
    """Every field survives."""
    line = Line(1, 0.25, event)  # type: ignore[arg-type]
    assert decode(encode(line)[:-1]) == line


def test_nan_is_null_on_disk_and_nan_again_when_read() -> None:
    """NaN is not JSON, and a diverged loss must stay visible."""
    raw = encode(Line(1, 0.0, Beat(loss=math.nan)))
    assert b'"loss":null' in raw
    event = decode(raw[:-1]).event
    assert isinstance(event, Beat)
    assert math.isnan(event.loss)


def test_a_flipped_bit_is_never_a_value() -> None:
    """Every single-bit error of a line is seen."""
    raw = encode(Line(1, 0.5, Episode(2, 61, 24.0, 24)))[:-1]
    for place in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << (place % 8)
        with pytest.raises(BadLineError):
            decode(bytes(flipped))


def test_an_event_of_a_later_version_is_kept_by_name() -> None:
    """Readers ignore what they do not know; they do not call it damage."""
    raw = encode(Line(1, 0.0, Episode())).replace(b'"e":"episode"', b'"e":"teleport"')[:-17]
    line = decode(b'%s,"c":"%08x"}' % (raw, zlib.crc32(raw)))
    assert line.event == Unknown("teleport")


def test_a_line_too_long_is_not_ours() -> None:
    """A hostile log cannot make the reader parse megabytes."""
    with pytest.raises(BadLineError):
        decode(b"{" + b"x" * MAX_LINE)
