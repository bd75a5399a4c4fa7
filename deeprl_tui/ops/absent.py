"""Hosts that are silent: since when, whether their machines are off, and what becomes of their runs.

Rule: a silent host may train on, so its runs stay with it; a machine of a cloud that was asked in vain for
too long is not waited for. Whether it is off the cloud knows at once: it is asked in the background and
seldom, and only an answer to a question of this silence counts.
"""

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import DeeprlError

OLD_S: Final = 600.0
"""A machine of a cloud that was asked in vain for so long is not waited for."""
ASK_AFTER_S: Final = 5.0
"""A short cut is no reason to ask the cloud."""
ASK_AGAIN_S: Final = 60.0
"""About one host the cloud is asked no more often than this, and about all of a project:"""
ASK_MOST_S: Final = 15.0

States: TypeAlias = Mapping[str, str]
"""Machines of a project that are there, and the word for each that is off; empty for one that is on."""
GONE: Final = "deleted"


@dataclass(slots=True)
class _Silence:
    """One host that says nothing. Times are monotonic seconds: a machine that sleeps does not count."""

    since: float
    asked: float | None = None  # when the cloud was asked about it
    off: str = ""  # the cloud's word; empty: on, or not known
    went: dict[RunId, str] = field(default_factory=dict)  # runs, and where they go on


class Absent:
    """The hosts that are silent. Safe to use from several threads."""

    def __init__(
        self,
        requeue: Callable[[str], Mapping[RunId, str]],
        *,
        monotonic: Callable[[], float],
        old: Callable[[str, float], bool] = lambda host, silent: False,
        label: Callable[[str], str] = lambda host: "",
        ask: Callable[[str], States | None] = lambda label: None,
        told: Callable[[str, str], None] = lambda host, why: None,
    ) -> None:
        """Know nobody yet.

        requeue: gives runs of a host to others, as many as have room. old: whether a host that was asked in
        vain for so many seconds is not waited for. label: the project of a cloud that a host is of; empty:
        none. ask: what the cloud says of a project; None: nothing. told: hears what became known
        of a host since it was asked about last.
        """
        self._requeue = requeue
        self._monotonic = monotonic
        self._old = old
        self._label = label
        self._ask = ask
        self._told = told
        self._silent: dict[str, _Silence] = {}
        self._asked: dict[str, float] = {}  # by label: when it was asked last
        self._asking: set[str] = set()
        self._lock = threading.Lock()
        self._requeues = threading.Lock()

    def spoke(self, host: str) -> None:
        """A host is there again."""
        with self._lock:
            self._silent.pop(host, None)

    def silent(self, host: str, why: str) -> str:
        """A host did not answer; why, as its link tells. Returns that with what is known besides."""
        now = self._monotonic()
        with self._lock:
            silence = self._silent.setdefault(host, _Silence(now))
            label = self._label(host)
            if label and self._is_due(silence, label, now):
                silence.asked = self._asked[label] = now
                self._asking.add(label)
                threading.Thread(target=self._find_out, args=(label, now), daemon=True).start()
        return self._settle(host, silence, why)

    def look_again(self) -> None:
        """A core became free somewhere: runs of machines that are off may find room now."""
        with self._lock:
            off = {host: silence for host, silence in self._silent.items() if silence.off}
        for host, silence in off.items():
            self._tell(host, silence)

    def _settle(self, host: str, silence: _Silence, why: str) -> str:
        """Give away the runs of a host that is not waited for; what there is to say."""
        if silence.off or self._old(host, self._monotonic() - silence.since):
            with self._requeues, contextlib.suppress(DeeprlError, OSError):  # tried again with the next fault
                silence.went.update(self._requeue(host))
        return _words(silence, why)

    def _is_due(self, silence: _Silence, label: str, now: float) -> bool:
        """Whether the cloud shall be asked about a silence."""
        waited = silence.asked is None or now - silence.asked >= ASK_AGAIN_S
        others = label not in self._asked or now - self._asked[label] >= ASK_MOST_S
        return waited and others and label not in self._asking and now - silence.since >= ASK_AFTER_S

    def _find_out(self, label: str, at: float) -> None:
        """Ask the cloud about the silent machines of a project."""
        try:
            states = self._ask(label)
        finally:
            with self._lock:
                self._asking.discard(label)
        if states is None:
            return
        with self._lock:
            asked = {
                host: silence
                for host, silence in self._silent.items()
                if self._label(host) == label and silence.since <= at
            }
            for host, silence in asked.items():
                silence.off, silence.asked = states.get(host, GONE), at
        for host, silence in asked.items():
            if silence.off:
                self._tell(host, silence)

    def _tell(self, host: str, silence: _Silence) -> None:
        """Settle a silence of which nobody asks at the moment, if it lasts."""
        if self._silent.get(host) is silence:
            self._told(host, self._settle(host, silence, ""))


def _words(silence: _Silence, why: str) -> str:
    off = f"its machine is {silence.off}"
    if silence.off != GONE:
        off += "; deeprl gce up starts it again"
    went = [f"{run} goes on on {host}" for run, host in sorted(silence.went.items())]
    more = went if len(went) < 3 else [f"{len(went)} runs go on elsewhere"]
    return "; ".join([*filter(None, [off if silence.off else why]), *more])
