"""A connection of its own for files, so that frames never wait for a checkpoint.

Rule: each request has one answer, in order. Many may be under way: what a request carries is made when it can
be sent, and an answer is read when somebody takes it, so neither piles up here. A broken line is made anew by
the next request; whoever asks goes on from what it has.
"""

import contextlib
import os
import select
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.fetch import ANSWER_S, Asked
from deeprl_tui.hosts.ssh import SAID, HostError, end, explain, start
from deeprl_tui.monitor import wire

CHUNK = 1 << 18
BATCH = 1 << 16
"""Small requests leave together, up to so many bytes."""
WINDOW = 1 << 25
"""Bytes of files under way at a time; a request counts for some, too. In 200 ms that is 160 MB a second."""
REQUEST = 1 << 10


class Line:
    """One host's files. Not safe to use from two threads at once, but for `close`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        opening: Mapping[str, Json],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._command = list(command)
        self._opening = opening
        self._monotonic = monotonic
        self._process: subprocess.Popen[bytes] | None = None
        self._said: deque[str] = deque(maxlen=SAID)
        self._rest = b""
        self._number = 0
        self._closed = threading.Event()

    def ask(self, op: str, args: Mapping[str, Json], timeout: float = ANSWER_S) -> Json:
        """Ask, and wait for the answer. Raises HostError for a line that breaks, else what is refused."""
        (answer,) = self.ask_all([Asked(op, args, timeout)])
        if isinstance(answer, DeeprlError):
            raise answer
        return answer

    def ask_all(self, asked: Iterable[Asked], *, window: int | None = None) -> Iterator[Json | DeeprlError]:
        """Ask many things, several at a time; the answers in order. One is refused: the error is its answer.

        Who takes no more answers loses the connection. window: bytes under way, at most.
        Raises HostError for a line that breaks.
        """
        most = WINDOW if window is None else window
        if self._process is not None:
            yield from self._exchange(iter(asked), most)
            return
        self._connect()
        answers = self._exchange(chain([Asked("open", self._opening)], asked), most)
        opened = next(answers)  # nothing waited for it
        if isinstance(opened, DeeprlError):
            self.hang_up()
            raise opened
        yield from answers

    def close(self) -> None:
        """End the connection; who waits for an answer gets an error soon."""
        self._closed.set()

    def hang_up(self) -> None:
        """End the connection; the next request makes another."""
        process, self._process = self._process, None
        if process is None:
            return
        end(process)

    def _connect(self) -> None:
        self._said.clear()
        self._rest = b""
        self._process = start(self._name, self._command)
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)

    def _exchange(self, asked: Iterator[Asked], window: int) -> Iterator[Json | DeeprlError]:
        waiting: deque[tuple[str, Asked]] = deque()
        try:
            yield from self._answers(asked, window, waiting)
        except (OSError, wire.WireError) as error:
            self.hang_up()
            raise HostError(str(error), place=self._name, kind="lost") from None
        except HostError:
            self.hang_up()
            raise
        finally:
            if waiting:
                self.hang_up()  # answers are under way that nobody waits for

    def _answers(
        self, asked: Iterator[Asked], window: int, waiting: deque[tuple[str, Asked]]
    ) -> Iterator[Json | DeeprlError]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        into, out, errs = process.stdin.fileno(), process.stdout.fileno(), [process.stderr.fileno()]
        unsent, flying, since = memoryview(b""), 0, self._monotonic()
        following = next(asked, None)
        while waiting or following is not None:
            batch = bytearray()
            while following is not None and not unsent and len(batch) < BATCH:
                if waiting and flying + following.size + REQUEST > window:
                    break
                batch += self._encoded(following, waiting)
                flying += following.size + REQUEST
                following = next(asked, None)
            unsent = memoryview(bytes(batch)) if batch else unsent
            ready, writable, _ = select.select([out, *errs], [into] if unsent else [], [], 0.5)
            if self._closed.is_set():
                raise HostError("was left", place=self._name, kind="lost")
            if writable:
                with contextlib.suppress(BlockingIOError):
                    unsent = unsent[os.write(into, unsent) :]
            if errs and errs[0] in ready:
                words = os.read(errs[0], 4096)
                self._said.extend(words.decode(errors="replace").splitlines())
                if not words:
                    errs = []
            if out in ready:
                data = os.read(out, CHUNK)
                if not data:
                    raise self._ended(process)
                for answer in self._take(data):
                    if waiting and answer.id == waiting[0][0]:
                        flying -= waiting.popleft()[1].size + REQUEST
                        yield answer.results if answer.done else DeeprlError(answer.error, place=self._name)
                        since = self._monotonic()
            if waiting and self._monotonic() > since + waiting[0][1].timeout:
                fault = f"no answer to {waiting[0][1].op} in time"
                raise HostError(fault, place=self._name, remedy="it is tried again", kind="timeout")

    def _encoded(self, asked: Asked, waiting: deque[tuple[str, Asked]]) -> bytes:
        self._number += 1
        request = wire.Request(f"{os.getpid()}-{id(self)}-{self._number}", asked.op, asked.args)
        waiting.append((request.id, asked))
        return wire.encode_request(request)

    def _take(self, data: bytes) -> Iterator[wire.Answer]:
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = self._rest + lines[0]
            self._rest = rest
        else:
            self._rest += rest
        if len(self._rest) > wire.MAX_LINE:
            raise wire.WireError("speaks something else")
        for line in lines:
            said = wire.decode(line)
            if isinstance(said, wire.Answer):
                yield said

    def _ended(self, process: subprocess.Popen[bytes]) -> HostError:
        try:
            code = process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            code = -1
        assert process.stderr is not None
        with contextlib.suppress(OSError):
            os.set_blocking(process.stderr.fileno(), False)
            self._said.extend(os.read(process.stderr.fileno(), 4096).decode(errors="replace").splitlines())
        return explain(self._name, code, "\n".join(self._said))
