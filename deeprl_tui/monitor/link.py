"""The thread that keeps a host's mirror growing: one ssh process, frames in, requests out.

Rule: a link may break at any byte. What arrived is in the mirror, the next connection goes on from there, and
a request whose answer was lost is sent again: the host does each only once. What finds no space here is asked
for again later; the host stays in sight meanwhile.
"""

import contextlib
import os
import queue
import select
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

import deeprl_tui
from deeprl_tui.core.spec import FORMAT, Json, RunId
from deeprl_tui.errors import DeeprlError
from deeprl_tui.hosts.mirror import GapError, Mirror, MovedError
from deeprl_tui.hosts.ssh import SAID, HostError, end, explain, start
from deeprl_tui.monitor import wire
from deeprl_tui.monitor.frames import Alive, Damaged, Data, Described, Glimpse, Hello, Reset

SILENT_S = 8.0
"""A host speaks once a second; after so long without a word the connection is made anew."""
FIRST_S = 30.0
"""The first word may take this long: a login, a Python that starts."""
BACKOFF_S = (0.5, 30.0)
CHUNK = 1 << 18
PASSING = ("timeout", "lost", "busy", "route")
"""Faults that are often over at the next try."""
KEEP_AGAIN_S = 5.0
"""What could not be kept is asked for again after so long."""


class Listener(Protocol):
    """Who wants to know: the fleet fits."""

    def apply(self, host: str, frame: Hello | Alive | Damaged | Glimpse) -> None:
        """Take what is true of the host."""

    def fault(self, host: str, why: str, *, passing: bool = False) -> None:
        """Nothing arrives, and why. passing: that is often over soon."""

    def warn(self, host: str, what: str) -> None:
        """What is wrong though it arrives; empty when nothing is."""


@dataclass(slots=True)
class _Call:
    request: wire.Request
    done: threading.Event = field(default_factory=threading.Event)
    answer: wire.Answer | None = None


class Link:
    """One host's connection, made again whenever it breaks, until it is closed."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        opening: Mapping[str, Json],
        mirror: Mirror,
        listener: Listener,
        *,
        monotonic: Callable[[], float],
        random: Random,
    ) -> None:
        self._name = name
        self._command = list(command)
        self._opening = opening  # the folder and cores that `open` asks for
        self._mirror = mirror
        self._listener = listener
        self._monotonic = monotonic
        self._random = random
        self._stop = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._waiting: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._calls: dict[str, _Call] = {}
        self._posted: list[_Call] = []
        self._refused: set[RunId] = set()
        self._numbers = 0
        self._heard = 0.0
        self._watch = ""  # the request whose answer is awaited: until then data is of an older one
        self._watches = 0
        self._unkept = False  # what arrives cannot be written down
        self._keep_again = 0.0
        self._warnings: dict[str, str] = {}  # by topic
        self._thread = threading.Thread(target=self._run, name=f"link-{name}", daemon=True)
        self.error: HostError | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def kick(self) -> None:
        """Try now: somebody has reason to think that the host answers again."""
        with contextlib.suppress(BlockingIOError, OSError):
            os.write(self._wake_write, b"k")

    def close(self) -> None:
        """End the connection; the host's runs go on."""
        self._stop.set()
        self.kick()
        if self._thread.is_alive():
            self._thread.join(timeout=0.5)

    def call(self, op: str, args: Mapping[str, Json], timeout: float) -> Json:
        """Ask the host for something; sent again after a break. Raises HostError without an answer in time.

        Safe to repeat, whatever became of it.
        """
        call = _Call(wire.Request(f"{os.getpid()}-{id(self)}-{self._number()}", op, args))
        self._waiting.put(call)
        self.kick()
        if not call.done.wait(timeout) or call.answer is None:
            self._calls.pop(call.request.id, None)
            why = str(self.error.fault) if self.error else f"no answer to {op} within {timeout:g} s"
            raise HostError(why, place=self._name, remedy="it may be repeated", kind="timeout")
        if not call.answer.done:
            raise DeeprlError(call.answer.error, place=self._name)
        return call.answer.results

    def post(self, op: str, args: Mapping[str, Json]) -> None:
        """Ask for something without waiting for the answer."""
        call = _Call(wire.Request(f"{os.getpid()}-{id(self)}-{self._number()}", op, args))
        self._posted = [one for one in self._posted if not one.done.is_set()] + [call]
        self._waiting.put(call)
        self.kick()

    def finish(self, seconds: float) -> None:
        """Wait until what was posted is done there, for a while; not for a host that cannot be reached."""
        deadline = self._monotonic() + seconds
        for call in self._posted:
            while self.error is None and self._monotonic() < deadline and not call.done.wait(0.1):
                pass

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    # -- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        least, most = BACKOFF_S
        wait = least
        while not self._stop.is_set():
            began = self._monotonic()
            fault = self._once()
            if self._stop.is_set():
                return
            self.error = fault
            why = f"{fault.fault}; {fault.remedy}" if fault.remedy else fault.fault
            self._listener.fault(self._name, why, passing=fault.kind in PASSING)
            wait = least if self._monotonic() - began > 2 * SILENT_S else min(most, 2 * wait)
            select.select([self._wake_read], [], [], wait * self._random.uniform(0.5, 1.0))
            self._drain()

    def _drain(self) -> None:
        ready, _, _ = select.select([self._wake_read], [], [], 0)
        if ready:
            os.read(self._wake_read, 4096)

    def _once(self) -> HostError:
        """One connection, from its start to its end; returns what it ended of."""
        said: deque[str] = deque(maxlen=SAID)
        try:
            process = start(self._name, self._command)
        except HostError as error:
            return error
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            why = self._talk(
                _Pipes(process.stdin.fileno(), process.stdout.fileno(), process.stderr.fileno()), said
            )
        except HostError as error:
            why = error
        except (OSError, GapError, wire.WireError, DeeprlError) as error:
            why = HostError(str(error), place=self._name, kind="lost")
        finally:
            code = end(process, at_once=self._stop.is_set())
        return why or explain(self._name, code, "\n".join(said))

    def _talk(self, pipes: "_Pipes", said: "deque[str]") -> HostError | None:
        """Send and receive until one side ends. Returns a reason of ours, None for one that ssh tells."""
        pipes.send(wire.Request(self._open_id, "open", self._opening))
        for call in self._calls.values():  # their answers were lost with the last connection
            pipes.send(call.request)
        self._heard, patience = self._monotonic(), FIRST_S
        self._ask_for_data(pipes)  # far away, each answer that is waited for costs
        rest = b""
        while not self._stop.is_set():
            wanted = [pipes.out, pipes.err, self._wake_read]
            ready, _, _ = select.select(wanted, [pipes.into] if pipes.unsent else [], [], 0.5)
            if self._wake_read in ready:
                self._drain()
            while not self._waiting.empty():
                call = self._waiting.get()
                self._calls[call.request.id] = call
                pipes.send(call.request)
            pipes.flush()
            if pipes.err in ready:
                words = os.read(pipes.err, 4096)
                said.extend(words.decode(errors="replace").splitlines())
            if pipes.out in ready:
                data = os.read(pipes.out, CHUNK)
                if not data:
                    return None
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._hear(wire.decode(line), pipes)
                self._heard = self._monotonic()
                if lines:
                    patience = SILENT_S
                if len(rest) > wire.MAX_LINE:
                    return HostError("speaks something else", place=self._name)
            if self._monotonic() - self._heard > patience:
                return HostError("it says nothing; it is tried again", place=self._name, kind="timeout")
        return None

    @property
    def _open_id(self) -> str:
        return f"{os.getpid()}-{id(self)}-open"

    def _hear(self, said: wire.Said | None, pipes: "_Pipes") -> None:
        match said:
            case Hello():
                self.error = None
                self._check_version(said)
                self._listener.apply(self._name, said)
            case Described() | Data() | Reset():
                self._keep(said)
            case Alive():
                self._listener.apply(self._name, said)
                if not self._unkept and not self._watch:
                    self._warn("kept", "")
                elif self._unkept and self._monotonic() >= self._keep_again:
                    self._ask_for_data(pipes)
            case Damaged() | Glimpse():
                self._listener.apply(self._name, said)
            case wire.Answer() if said.id == self._watch:
                self._watch = ""
                if not said.done:
                    raise HostError(said.error, place=self._name)
            case wire.Answer():
                call = self._calls.pop(said.id, None)
                if call is not None:
                    call.answer = said
                    call.done.set()
                elif said.id == self._open_id and not said.done:
                    raise HostError(said.error, place=self._name)
            case _:
                pass  # of a later version

    def _check_version(self, said: Hello) -> None:
        """Say that another version speaks there. Raises HostError for one that writes runs differently."""
        ours = deeprl_tui.__version__
        told = f"runs deeprl-tui {said.version}, here is {ours}"
        if said.format != FORMAT:
            raise HostError(f"{told}: other run directories", place=self._name, remedy=self._push)
        self._warn("version", "" if said.version == ours else f"{told}: {self._push}")

    @property
    def _push(self) -> str:
        return f"deeprl push {self._name}"

    def _ask_for_data(self, pipes: "_Pipes") -> None:
        """Ask for all that is not here yet."""
        self._watches += 1
        self._watch, self._unkept = f"{self._open_id}-watch-{self._watches}", False
        have: Json = [[str(one.run), one.attempt, one.size, one.crc] for one in self._mirror.have()]
        pipes.send(wire.Request(self._watch, "watch", {"have": have, "zip": True, "glimpses": True}))

    def _keep(self, said: Described | Data | Reset) -> None:
        """Write down what arrived. Without space for it nothing more is, until it is asked for again."""
        if self._unkept or (self._watch and not isinstance(said, Reset)):
            return
        try:
            match said:
                case Described(run, spec):
                    self._describe(run, spec)
                case Data(run, attempt, offset, data) if run not in self._refused:
                    self._mirror.append(run, attempt, offset, data)
                case Reset(run, why):
                    self._mirror.reset(run, why)
        except OSError as error:
            self._unkept, self._keep_again = True, self._monotonic() + KEEP_AGAIN_S
            why = (error.strerror or str(error)).lower()
            self._warn(
                "kept", f"what it sends cannot be kept here ({why}); when it can, it goes on by itself"
            )

    def _describe(self, run: RunId, spec: bytes) -> None:
        try:
            self._mirror.describe(run, spec)
            self._refused.discard(run)
        except MovedError:
            self._refused.add(run)  # the host is told to give it up
        except DeeprlError as error:
            self._refused.add(run)
            self._listener.apply(self._name, Damaged(f"{self._name}:{run}", error.fault))

    def _warn(self, topic: str, text: str) -> None:
        if self._warnings.get(topic, "") != text:
            self._warnings[topic] = text
            self._listener.warn(self._name, "; ".join(filter(None, self._warnings.values())))


class _Pipes:
    """The three pipes of an ssh process; nothing here blocks."""

    def __init__(self, into: int, out: int, err: int) -> None:
        self.into, self.out, self.err = into, out, err
        self.unsent = b""
        os.set_blocking(into, False)

    def send(self, request: wire.Request) -> None:
        """Send a request, now or when there is room."""
        self.unsent += wire.encode_request(request)
        self.flush()

    def flush(self) -> None:
        """Send what fits."""
        while self.unsent:
            try:
                sent = os.write(self.into, self.unsent)
            except BlockingIOError:
                return
            except BrokenPipeError:  # it has ended: what it said last tells why
                sent = len(self.unsent)
            self.unsent = self.unsent[sent:]
