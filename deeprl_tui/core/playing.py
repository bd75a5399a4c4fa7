"""The words between a process that plays a run and who watches it: wishes go in, messages come out.

A message is one line of JSON, then as many raw bytes as the line says. Rule: nothing that comes in is
trusted: sizes, numbers and texts are checked before they are kept, and no more is read than a picture has.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Literal, TypeAlias

from deeprl_tui.core.text import clean

GLYPHS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"
"""Quarters of a cell in its first color: bit 0 top left, 1 top right, 2 bottom left, 3 bottom right."""
CELL = 7
"""Bytes of a cell: the number of its glyph, its first color, the color of the rest."""

MAX_LINE = 1 << 14
MAX_SIDE = 2048
MAX_DATA = 1 << 23
"""Bytes of a picture, as it is sent."""
MAX_ACTIONS = 32
"""Actions whose values are sent; an environment may have more."""
MAX_TEXT = 2000

AUTO, BEST, LAST, BEFORE = "auto", "best", "last", "before"
CHECKPOINTS = (BEST, LAST, BEFORE)
"""The weights of a run: of its best evaluation, the newest, and those of the checkpoint before."""

Kind: TypeAlias = Literal["none", "quarters", "halves", "zlib"]
KINDS = ("none", "quarters", "halves", "zlib")
"""What a picture is made of: nothing; cells of quarters or halves; compressed RGB, for graphics protocols."""

COLOR = re.compile(r"#[0-9a-f]{6}")


class ProtocolError(ValueError):
    """What came in is no message."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What who watches wants; it is sent whole, and the newest counts."""

    kind: Kind = "none"
    columns: int = 0  # cells; pixels if the kind is zlib
    rows: int = 0
    fps: float = 15.0  # at most
    speed: float = 1.0  # times real time; 0: as fast as it goes
    paused: bool = False
    nudges: int = 0  # single steps asked for so far, while it is paused
    rounds: int = 0  # new episodes asked for so far
    episodes: int = 0  # it ends after so many; 0: never
    checkpoint: str = AUTO
    ground: str = ""  # the color that takes the place of white paper; "": pictures stay as they are

    def encode(self) -> bytes:
        """Write it as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "Wish":
        """Read one line. Raises ProtocolError."""
        raw = _object(line)
        kind = _word(raw, "kind", KINDS)
        return cls(
            kind=kind,  # type: ignore[arg-type]
            columns=_whole(raw, "columns", MAX_SIDE),
            rows=_whole(raw, "rows", MAX_SIDE),
            fps=min(120.0, max(0.5, _number(raw, "fps"))),
            speed=min(1000.0, max(0.0, _number(raw, "speed"))),
            paused=bool(raw.get("paused")),
            nudges=_whole(raw, "nudges"),
            rounds=_whole(raw, "rounds"),
            episodes=_whole(raw, "episodes"),
            checkpoint=_text(raw, "checkpoint"),
            ground=_color(raw, "ground"),
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """What is played; sent first, and again when other weights are loaded."""

    env: str
    checkpoint: str  # one of CHECKPOINTS, or a path
    trained: int | None  # env steps that these weights have learned from
    there: tuple[str, ...]  # which of CHECKPOINTS there are
    actions: tuple[str, ...]
    width: int  # of the picture that the environment draws; 0: it draws none
    height: int
    blank: str = ""  # why it draws none
    solved: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """Width and height in cells (pixels if the kind is zlib), and its bytes, row by row."""

    kind: Kind
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment: what is seen, what each action is worth there, and which one is taken next."""

    episode: int
    step: int
    total: float  # return so far
    reward: float  # of the step that led here
    action: int
    values: tuple[float, ...]
    over: str  # "", "terminated" or "truncated"
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Played:
    """An episode is over."""

    episode: int
    total: float
    length: int
    over: str


@dataclass(frozen=True, slots=True)
class Progress:
    """So many frames of a recording were written."""

    frames: int


@dataclass(frozen=True, slots=True)
class Fault:
    """It cannot go on; why, with a remedy."""

    text: str


Message: TypeAlias = Scene | Frame | Played | Progress | Fault


def encode(message: Message) -> bytes:
    """Write a message."""
    fields: dict[str, Any] = {"is": type(message).__name__, **asdict(message)}
    data = b""
    if isinstance(message, Frame) and message.picture is not None:
        data = message.picture.data
        fields["picture"] = {
            "kind": message.picture.kind,
            "size": [message.picture.width, message.picture.height],
        }
    fields["bytes"] = len(data)
    return json.dumps(_known(fields)).encode() + b"\n" + data


def read(stream: BinaryIO) -> Message | None:
    """Read the next message, waiting for it; None at the end. Raises ProtocolError, also on a torn one."""
    line = stream.readline(MAX_LINE + 1)
    if not line:
        return None
    if len(line) > MAX_LINE or not line.endswith(b"\n"):
        raise ProtocolError("a line is too long or torn")
    raw = _object(line)
    size = _whole(raw, "bytes", MAX_DATA)
    data = stream.read(size) if size else b""
    if len(data) != size:
        raise ProtocolError("a picture is torn")
    name = raw.get("is")
    if not isinstance(name, str) or name not in _READERS:
        raise ProtocolError("a message of no known name")
    return _READERS[name](raw, data)


def _scene(raw: Mapping[str, Any], _: bytes) -> Scene:
    return Scene(
        env=_text(raw, "env"),
        checkpoint=_text(raw, "checkpoint"),
        trained=None if raw.get("trained") is None else _whole(raw, "trained"),
        there=tuple(word for word in CHECKPOINTS if word in _texts(raw, "there", len(CHECKPOINTS))),
        actions=_texts(raw, "actions", MAX_ACTIONS),
        width=_whole(raw, "width"),
        height=_whole(raw, "height"),
        blank=_text(raw, "blank"),
        solved=None if raw.get("solved") is None else _number(raw, "solved"),
    )


def _frame(raw: Mapping[str, Any], data: bytes) -> Frame:
    values = raw.get("values")
    if not isinstance(values, list) or len(values) > MAX_ACTIONS:
        raise ProtocolError("values: a short list is expected")
    return Frame(
        episode=_whole(raw, "episode"),
        step=_whole(raw, "step"),
        total=_number(raw, "total"),
        reward=_number(raw, "reward"),
        action=_whole(raw, "action"),
        values=tuple(_float(value, "values") for value in values),
        over=_word(raw, "over", _OVER),
        picture=_picture(raw.get("picture"), data),
    )


def _picture(raw: object, data: bytes) -> Picture | None:
    if raw is None and not data:
        return None
    if not isinstance(raw, dict) or not isinstance(raw.get("size"), list) or len(raw["size"]) != 2:
        raise ProtocolError("picture: kind and size are expected")
    kind = _word(raw, "kind", KINDS[1:])
    width, height = (_whole({"size": side}, "size", MAX_SIDE) for side in raw["size"])
    if kind != "zlib":
        if len(data) != width * height * CELL:
            raise ProtocolError("picture: its bytes are not those of its size")
        if data and max(data[::CELL]) >= len(GLYPHS):
            raise ProtocolError("picture: no such glyph")
    return Picture(kind, width, height, data)  # type: ignore[arg-type]


def _played(raw: Mapping[str, Any], _: bytes) -> Played:
    total, over = _number(raw, "total"), _word(raw, "over", _OVER)
    return Played(_whole(raw, "episode"), total, _whole(raw, "length"), over)


_OVER = ("", "terminated", "truncated")
_READERS: Mapping[str, Callable[[Mapping[str, Any], bytes], Message]] = {
    "Scene": _scene,
    "Frame": _frame,
    "Played": _played,
    "Progress": lambda raw, _: Progress(_whole(raw, "frames")),
    "Fault": lambda raw, _: Fault(_text(raw, "text")),
}


def _known(value: Any) -> Any:
    """Put null for what JSON has no word for."""
    if isinstance(value, dict):
        return {key: _known(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _object(line: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise ProtocolError("a line is not JSON") from None
    if not isinstance(raw, dict):
        raise ProtocolError("a line is no object")
    return raw


def _whole(raw: Mapping[str, Any], key: str, most: int = 10**15) -> int:
    value = raw.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise ProtocolError(f"{key}: a whole number up to {most} is expected")
    return value


def _number(raw: Mapping[str, Any], key: str) -> float:
    return _float(raw.get(key), key)


def _float(value: object, key: str) -> float:
    if value is None:
        return math.nan  # a value that has diverged
    if type(value) not in (int, float) or not abs(value) < 1e300:  # type: ignore[arg-type]
        raise ProtocolError(f"{key}: a number is expected")
    return float(value)  # type: ignore[arg-type]


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str):
        raise ProtocolError(f"{key}: a text is expected")
    return clean(value[:MAX_TEXT])


def _texts(raw: Mapping[str, Any], key: str, most: int) -> tuple[str, ...]:
    value = raw.get(key)
    if not isinstance(value, list) or len(value) > most or not all(isinstance(one, str) for one in value):
        raise ProtocolError(f"{key}: a short list of texts is expected")
    return tuple(clean(one[:40]) for one in value)


def _word(raw: Mapping[str, Any], key: str, words: tuple[str, ...]) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or value not in words:
        raise ProtocolError(f"{key}: one of {', '.join(words)} is expected")
    return value


def _color(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    if value != "" and (not isinstance(value, str) or not COLOR.fullmatch(value)):
        raise ProtocolError(f"{key}: #rrggbb is expected")
    return str(value)
