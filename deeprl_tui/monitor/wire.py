"""Frames and requests as JSON lines: what `deeprl serve` prints and reads.

Rule: nothing that arrives is trusted: a line is one known kind with fields of known types and bounded size,
or it is refused whole. Fields are only added; unknown kinds are skipped by the reader.
"""

import base64
import binascii
import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from deeprl_tui.core.spec import MAX_SPEC, Json, RunId
from deeprl_tui.core.text import clean
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.frames import Alive, Damaged, Data, Described, Glimpse, Hello, Reset, Rested

MAX_LINE = 4 * MAX_SPEC
"""A line on the wire is never longer, in bytes."""
MAX_PIECE = 1 << 20
"""Bytes of a log in one line, at most."""
LEVEL = 1
"""Of zlib: three times less to send, at 130 MB/s; more would cost the host more than a fast link does."""
MAX_CORES = 4096
MAX_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request."""

    id: str
    done: bool
    results: Json = None  # as the request defines
    error: str = ""


Said: TypeAlias = Hello | Described | Rested | Data | Glimpse | Alive | Reset | Damaged | Answer


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks; may be repeated for ever."""

    id: str
    op: str  # watch launch ask resume log supervise ping
    args: Mapping[str, Json]


class WireError(ValueError):
    """A line that is none of ours."""


class BadRequestError(DeeprlError):
    """A request that cannot be understood."""


def encode(said: Said, *, zipped: bool = False) -> bytes:
    """One line with its newline. zipped: pieces of logs are packed, for whoever asked for it."""
    if isinstance(said, Rested):
        body: dict[str, Any] = {"f": "rested", "record": _plain(said.record.to_json())}
    elif isinstance(said, Glimpse) or (isinstance(said, Data) and zipped):
        packed = base64.b64encode(zlib.compress(said.data, LEVEL)).decode()
        body = {"f": _NAMES[type(said)], "run": str(said.run), "attempt": said.attempt}
        if isinstance(said, Data):
            body["offset"] = said.offset
        body |= {"zip": packed, "crc": zlib.crc32(said.data)}
    else:
        body = {"f": _NAMES[type(said)]}
        for item in fields(said):
            body[item.name] = _plain(getattr(said, item.name))
        if isinstance(said, Data):
            body["crc"] = zlib.crc32(said.data)
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> Said | None:
    """Read one line; None for a kind of a later version. Raises WireError on anything else."""
    body = _object(line)
    read = _READERS.get(str(body.get("f")))
    if read is None:
        return None
    try:
        return read(body)
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise WireError(f"{body.get('f')}: {error}") from None


def encode_request(request: Request) -> bytes:
    """One line with its newline."""
    body = {"id": request.id, "op": request.op, **_plain(request.args)}
    return json.dumps(body, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    """Read a request. Raises WireError."""
    body = _object(line)
    number, op = body.pop("id", None), body.pop("op", None)
    if not isinstance(number, str) or not isinstance(op, str) or len(number) > 100:
        raise WireError("a request has an id and an op")
    return Request(number, op, body)


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise WireError(f"a line of {len(line)} bytes")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        raise WireError(f"no JSON: {clean(line[:80].decode(errors='replace'))!r}") from None
    if not isinstance(body, dict):
        raise WireError("no object")
    return body


def _plain(value: Any) -> Any:
    if isinstance(value, RunId):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, frozenset):
        return sorted(map(_plain, value))
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _run(value: Any) -> RunId:
    return RunId.parse(_text(value))


def _text(value: Any, most: int = MAX_TEXT) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return clean(value[:most])


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(f"{value!r} is not a count")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise TypeError("not a list, or too long a one")
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError("no base64")
    return binascii.a2b_base64(value, strict_mode=True)


def _unpacked(value: Any) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(_bytes(value), MAX_PIECE)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("not one whole piece, or too large a one")
    return data


def _hello(body: Mapping[str, Any]) -> Hello:
    cores = tuple(map(_count, _list(body["cores"], MAX_CORES)))
    return Hello(
        _count(body["format"]),
        _text(body["version"], 100),
        _text(body["host"], 255),
        _text(body["boot"], 100),
        cores,
    )


def _described(body: Mapping[str, Any]) -> Described:
    spec = _bytes(body["spec"])
    if len(spec) > MAX_SPEC:
        raise ValueError(f"a run.json of {len(spec)} bytes")
    return Described(_run(body["run"]), spec, body.get("rest") is True)


def _data(body: Mapping[str, Any]) -> Data:
    return Data(_run(body["run"]), _attempt(body), _count(body["offset"]), _lines(body))


def _glimpse(body: Mapping[str, Any]) -> Glimpse:
    return Glimpse(_run(body["run"]), _attempt(body), _lines(body))


def _attempt(body: Mapping[str, Any]) -> int:
    attempt = _count(body["attempt"])
    if not 1 <= attempt < 1_000_000:
        raise ValueError(f"attempt {attempt}")
    return attempt


def _lines(body: Mapping[str, Any]) -> bytes:
    data = _unpacked(body["zip"]) if "zip" in body else _bytes(body["data"])
    if zlib.crc32(data) != body["crc"]:
        raise ValueError("checksum")
    return data


def _rested(body: Mapping[str, Any]) -> Rested:
    from deeprl_tui.runs.record import Record  # a host that is watched needs none

    return Rested(Record.from_json(body["record"]))


def _alive(body: Mapping[str, Any]) -> Alive:
    waiting = body.get("waiting") or {}
    if not isinstance(waiting, dict):
        raise TypeError("waiting is no object")
    return Alive(
        now=_number(body["now"]),
        busy=tuple(min(1.0, max(0.0, _number(share))) for share in _list(body["busy"], MAX_CORES)),
        memory_used=_count(body["memory_used"]),
        memory_total=_count(body["memory_total"]),
        disk_free=_count(body["disk_free"]),
        held=frozenset(_run(run) for run in _list(body["held"], 100_000)),
        supervisor=body["supervisor"] is True,
        waiting={_run(run): _text(why, 256) for run, why in waiting.items()},
        found=_count(body.get("found", 0)),
        unread=_count(body.get("unread", 0)),
    )


def _answer(body: Mapping[str, Any]) -> Answer:
    return Answer(
        _text(body["id"], 100), body["done"] is True, body.get("results"), _text(body.get("error", ""))
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Said]] = {
    "hello": _hello,
    "described": _described,
    "rested": _rested,
    "data": _data,
    "glimpse": _glimpse,
    "alive": _alive,
    "reset": lambda body: Reset(_run(body["run"]), _text(body["why"])),
    "damaged": lambda body: Damaged(_text(body["place"]), _text(body["why"])),
    "answer": _answer,
}
_NAMES: Mapping[type, str] = {
    Hello: "hello",
    Described: "described",
    Rested: "rested",
    Data: "data",
    Glimpse: "glimpse",
    Alive: "alive",
    Reset: "reset",
    Damaged: "damaged",
    Answer: "answer",
}
