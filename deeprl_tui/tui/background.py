"""Work that must not block the screen: calls in threads, whose outcome comes back as one message.

Rule: a thread never touches a widget. Of several calls for one job only the newest answers. Nobody waits for
a thread, also not at the end: a call that hangs on a disk or a host must hold up neither a key nor the exit.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

T = TypeVar("T")


class Finished(Message, bubble=False):
    """A call is over: `then` gets its value, or `failed` its error, on the screen's side."""

    def __init__(self, deliver: Callable[[], None]) -> None:
        super().__init__()
        self.deliver = deliver


class Jobs:
    """The background calls of one widget, screen or app; the owner delivers what `Finished` brings."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner  # has post_message
        self._newest: dict[str, int] = {}
        self._going: dict[str, int] = {}  # calls that have not come back, by job
        self._lock = threading.Lock()

    def busy(self, job: str = "") -> bool:
        """Whether a call of this job, or any, has not come back. What repeats itself asks first."""
        return bool(self._going.get(job) if job else any(self._going.values()))

    def run(
        self,
        job: str,
        call: Callable[[], T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
        *,
        every: bool = False,
    ) -> None:
        """Call in a thread. With every, each call answers, not only the newest of its job."""
        ticket = self._newest[job] = self._newest.get(job, 0) + 1
        with self._lock:
            self._going[job] = self._going.get(job, 0) + 1

        def deliver(act: Callable[[], None]) -> None:
            if every or self._newest[job] == ticket:
                act()

        def work() -> None:
            try:
                value = call()
            except Exception as error:  # whatever it was, the screen says it
                outcome: Callable[[], None] = partial(failed, error)
            else:
                outcome = partial(then, value)
            pump: MessagePump = self._owner
            with suppress(RuntimeError):  # the app has ended meanwhile
                pump.post_message(Finished(partial(deliver, outcome)))
            with self._lock:
                self._going[job] -= 1

        threading.Thread(target=work, name=f"job-{job}", daemon=True).start()

    def forget(self, job: str) -> None:
        """Nobody waits for the answer any more."""
        self._newest[job] = self._newest.get(job, 0) + 1
