"""The events of a run and their one-line form.

A line is one JSON object with a line number `n`, the run's clock `t`, the kind `e`, the fields, and last a
CRC-32 of everything before it: {"n":7,"t":12.5,"e":"checkpoint","step":61,"c":"5f0c1a2b"}.
Without the CRC one flipped bit in three would parse as a wrong value.
Rule: fields are only added, with a default; unknown kinds are kept as Unknown and ignored by the fold.
"""

import json
import math
import zlib
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeAlias, get_args

MAX_LINE = 65_536
"""Longer lines are refused by writers and skipped by readers, in bytes."""

LARGEST = 1 << 63
"""Whole numbers of 64 bits at most: what curves and sums can hold."""

Outcome = Literal["finished", "stopped", "paused", "interrupted", "failed"]
"""How an attempt ended in order; `interrupted` was stopped from outside and goes on by itself."""


@dataclass(frozen=True, slots=True)
class Queued:
    """The run waits for a core. First event of a run, and of each attempt after the first."""

    kind: ClassVar[str] = "queued"
    at: float = 0.0  # wall clock, seconds since 1970
    why: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """A worker process began to train."""

    kind: ClassVar[str] = "start"
    at: float = 0.0
    attempt: int = 1
    pid: int = 0
    host: str = ""
    boot: str = ""
    cores: tuple[int, ...] = ()
    backend: str = ""  # of logs without a Backend event
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backend:
    """What computes the updates and actions of this attempt."""

    kind: ClassVar[str] = "backend"
    name: str = ""  # "c avx512", "numpy", "torch"
    why: str = ""  # why it is none higher on the ladder


@dataclass(frozen=True, slots=True)
class Episode:
    """A training episode ended."""

    kind: ClassVar[str] = "episode"
    episode: int = 0  # from 1, over all attempts
    step: int = 0  # env steps of the run at its end
    r: float = 0.0  # return: undiscounted sum of raw rewards
    l: int = 0  # noqa: E741  length in steps, SB3's name


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life, once a second."""

    kind: ClassVar[str] = "beat"
    step: int = 0
    updates: int = 0
    cpu_s: float = 0.0  # CPU seconds of this attempt so far
    rss: int = 0  # resident bytes
    sps: float = 0.0  # env steps per second since the last beat
    loss: float = math.nan
    epsilon: float = math.nan


@dataclass(frozen=True, slots=True)
class Eval:
    """Greedy episodes on fixed seeds."""

    kind: ClassVar[str] = "eval"
    step: int = 0
    returns: tuple[float, ...] = ()
    lengths: tuple[int, ...] = ()
    best: bool = False  # the best so far: best_model.zip was written


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state from which the run continues is safe on disk."""

    kind: ClassVar[str] = "checkpoint"
    step: int = 0
    episode: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Resume:
    """This attempt goes on from a checkpoint; what older attempts wrote after `step` is void."""

    kind: ClassVar[str] = "resume"
    step: int = 0
    episode: int = 0
    exact: bool = True
    why: str = ""  # why it is not exact


@dataclass(frozen=True, slots=True)
class StopAsked:
    """The worker saw a request and will end at the next safe point."""

    kind: ClassVar[str] = "stop_asked"
    ask: str = "stop"  # stop or pause or interrupt


@dataclass(frozen=True, slots=True)
class Warn:
    """Something the user should know; training goes on."""

    kind: ClassVar[str] = "warn"
    text: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The last word of an attempt; nobody overwrites it."""

    kind: ClassVar[str] = "end"
    at: float = 0.0
    outcome: Outcome = "finished"
    step: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a later version."""

    kind: ClassVar[str] = ""
    name: str = ""


Event: TypeAlias = (
    Queued | Start | Backend | Episode | Beat | Eval | Checkpoint | Resume | StopAsked | Warn | End | Unknown
)


@dataclass(frozen=True, slots=True)
class Line:
    """One event with its place in the log."""

    n: int  # line number in its file, from 1
    t: float  # seconds of training, monotonic, carried over resumes
    event: Event


parse = json.JSONDecoder().decode  # json.loads looks for an encoding first: a tenth of reading a log


class BadLineError(ValueError):
    """A line that is damaged or was never one of ours."""


def encode(line: Line) -> bytes:
    """Write one line with its newline. NaN and infinities become null."""
    body: dict[str, Any] = {"n": line.n, "t": round(line.t, 3), "e": line.event.kind}
    for name in _READERS[line.event.kind]:
        body[name] = _plain(getattr(line.event, name))
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=True, allow_nan=False)[:-1].encode()
    return b'%s,"c":"%08x"}\n' % (text, zlib.crc32(text))


def decode(raw: bytes) -> Line:
    """Read one line without its newline. Raises BadLineError on damage; wrong values never pass."""
    text, tail = raw[:-16], raw[-16:]
    if len(raw) > MAX_LINE or tail != b',"c":"%08x"}' % zlib.crc32(text):
        raise BadLineError("checksum")
    try:
        body = parse((text + b"}").decode())
        kind = body["e"]
        readers = _READERS.get(kind)
        if readers is None:
            return Line(int(body["n"]), as_float(body["t"]), Unknown(str(kind)))
        values = {name: read(body[name]) for name, read in readers.items() if name in body}
        return Line(int(body["n"]), as_float(body["t"]), _KINDS[kind](**values))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise BadLineError(str(error)) from None


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def as_float(value: Any) -> float:
    """A number of a line; null is NaN. Raises TypeError, OverflowError."""
    if value is None:
        return math.nan
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _int(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is not an integer")
    if not -LARGEST <= value < LARGEST:
        raise ValueError("larger than any count")
    return value


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(f"{value!r} is not true or false")
    return value


def _str(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"{value!r} is not a text")
    return value


def _outcome(value: Any) -> str:
    if value not in get_args(Outcome):
        raise ValueError(f"{value!r} is not an outcome")
    return str(value)


def _reader(annotation: Any) -> Callable[[Any], Any]:
    readers: dict[Any, Callable[[Any], Any]] = {
        float: as_float,
        int: _int,
        bool: _bool,
        str: _str,
        Outcome: _outcome,
        tuple[int, ...]: lambda value: tuple(map(_int, value)),
        tuple[float, ...]: lambda value: tuple(map(as_float, value)),
        dict[str, str]: lambda value: {_str(key): _str(item) for key, item in value.items()},
    }
    return readers[annotation]


_KINDS: dict[str, Callable[..., Event]] = {kind.kind: kind for kind in get_args(Event) if kind is not Unknown}
_READERS: dict[str, dict[str, Callable[[Any], Any]]] = {
    name: {item.name: _reader(item.type) for item in fields(kind)}  # type: ignore[arg-type]
    for name, kind in _KINDS.items()
}
assert all(
    item.default is not MISSING or item.default_factory is not MISSING
    for kind in _KINDS.values()
    for item in fields(kind)  # type: ignore[arg-type]
), "every field needs a default, so that logs of older versions load"
