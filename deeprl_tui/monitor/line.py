"""A connection of its own for files: one request, one answer, so that frames never wait for a checkpoint.

Rule: a broken line is made anew by the next request; whoever asks goes on from what it has.
"""

import contextlib
import os
import select
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from deeprl_tui.core.spec import Json
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.ssh import SAID, HostError, end, explain, start
from deeprl_tui.monitor import wire

ANSWER_S = 60.0
CHUNK = 1 << 18


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
        if self._process is None:
            self._connect()
            self._exchange("open", self._opening, timeout)
        return self._exchange(op, args, timeout)

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

    def _exchange(self, op: str, args: Mapping[str, Json], timeout: float) -> Json:
        self._number += 1
        request = wire.Request(f"{os.getpid()}-{id(self)}-{self._number}", op, args)
        try:
            answer = self._wait(request, self._monotonic() + timeout)
        except (OSError, wire.WireError) as error:
            self.hang_up()
            raise HostError(str(error), place=self._name, kind="lost") from None
        except HostError:
            self.hang_up()
            raise
        if not answer.done:
            raise DeeprlError(answer.error, place=self._name)
        return answer.results

    def _wait(self, request: wire.Request, deadline: float) -> wire.Answer:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        into, out, err = process.stdin.fileno(), process.stdout.fileno(), process.stderr.fileno()
        unsent = memoryview(wire.encode_request(request))
        errs = [err]
        while not self._closed.is_set():
            ready, writable, _ = select.select([out, *errs], [into] if unsent else [], [], 0.5)
            if writable:
                with contextlib.suppress(BlockingIOError):
                    unsent = unsent[os.write(into, unsent) :]
            if err in ready:
                words = os.read(err, 4096)
                self._said.extend(words.decode(errors="replace").splitlines())
                if not words:
                    errs = []
            if out in ready:
                data = os.read(out, CHUNK)
                if not data:
                    raise self._ended(process)
                answer = self._take(data, request.id)
                if answer is not None:
                    return answer
            if self._monotonic() > deadline:
                fault = f"no answer to {request.op} in time"
                raise HostError(fault, place=self._name, remedy="it is tried again", kind="timeout")
        raise HostError("was left", place=self._name, kind="lost")

    def _take(self, data: bytes, number: str) -> wire.Answer | None:
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
            if isinstance(said, wire.Answer) and said.id == number:
                return said
        return None

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
