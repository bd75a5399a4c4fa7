"""Tells what is new: messages in the corner, and when the user asked for it the bell, the desktop, a webhook.

Rule: what is news is decided in `monitor.news`, what is shown in `toasts`; this only carries it out. The
terminal is rung only while it is not looked at.
"""

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Protocol

from textual.notifications import Notification
from textual.screen import ModalScreen
from textual.widgets._toast import Toast as ToastWidget

from deeprl_tui.core.text import clean
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.news import NOTIFY, Notice, message, news
from deeprl_tui.tui.background import Finished
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.toasts import Shelf, Toast, words

if TYPE_CHECKING:
    from deeprl_tui.monitor.webhook import Webhook
    from deeprl_tui.tui.app import DeeprlApp

KEPT = 200
"""Notices that the activity list can still show."""
FOREVER_S = 24 * 3600.0


class Wishes(Protocol):
    """How the user wants to be told, beside the screen."""

    @property
    def bell(self) -> bool:
        """Ring the terminal."""

    @property
    def desktop(self) -> bool:
        """Show it on the desktop."""

    @property
    def webhook(self) -> str:
        """Post it there; empty for nowhere."""

    @property
    def notify_on(self) -> str:
        """A key of `monitor.news.NOTIFY`: what these three are for."""


class Announcer:
    """The app's messages; `app.announcer`."""

    def __init__(self, app: "DeeprlApp") -> None:
        self._app = app
        self.shelf = Shelf()
        self.notices: list[Notice] = []  # of this session, oldest first
        self.wishes: Wishes | None = None
        self._before: Picture | None = None
        self._posted: dict[int, tuple[str, Notification]] = {}
        self._hook: Webhook | None = None
        self._refused = ""  # an address that cannot be posted to, once said

    # -- news --------------------------------------------------------------------------------------------

    def look(self, picture: Picture) -> None:
        """Tell what is new since the last picture."""
        before, self._before = self._before, picture
        now = self._app.workspace.wall()
        if before is not None and before is not picture:
            found = news(before.snapshot, picture.snapshot)
            if found:
                self.notices = [*self.notices, *found][-KEPT:]
                self.shelf.add(found, now)
                self._tell_others(found, picture.name)
        self.shelf.expire(now)
        self.show()

    def tell(self, text: str, *, error: bool = False, stays_s: float | None = None) -> None:
        """Say something that is no news."""
        now = self._app.workspace.wall()
        if stays_s is None:
            self.shelf.tell(text, now, error=error)
        else:
            self.shelf.tell(text, now, error=error, stays_s=stays_s)
        self.show()

    # -- messages ----------------------------------------------------------------------------------------

    def show(self) -> None:
        """Bring what Textual shows in line with the shelf. A dialog is not covered: they wait behind it."""
        behind = isinstance(self._app.screen, ModalScreen)
        wanted = {} if behind else {toast.number: toast for toast in self.shelf.shown()}
        for number, (text, posted) in list(self._posted.items()):
            if number not in wanted or wanted[number].text != text:
                del self._posted[number]
                self._app._unnotify(posted)
        for number, toast in wanted.items():
            if number not in self._posted:
                severity = "error" if toast.bad else "information"
                told = Notification(toast.text, severity=severity, timeout=FOREVER_S)  # type: ignore[arg-type]
                self._posted[number] = (toast.text, told)
                self._app._notifications.add(told)
        self._app._refresh_notifications()

    def clicked(self, widget: object) -> Toast | None:
        """A click on a message takes it away; which one it was."""
        if not isinstance(widget, ToastWidget):
            return None
        for number, (_, posted) in list(self._posted.items()):
            if posted is widget._notification:
                toast = self.shelf.close(number)
                self.show()
                return toast
        return None

    def newest(self) -> Toast | None:
        """Take the newest message that leads to a run."""
        found = next((one for one in reversed(self.shelf.toasts) if one.run is not None), None)
        if found is not None:
            self.shelf.close(found.number)
            self.show()
        return found

    def clear(self) -> bool:
        """Take all messages away; False if there was none."""
        there = bool(self.shelf.toasts)
        self.shelf.clear()
        self.show()
        return there

    # -- elsewhere ---------------------------------------------------------------------------------------

    def _tell_others(self, notices: Sequence[Notice], project: str) -> None:
        wishes = self.wishes
        if wishes is None:
            return
        loud = [notice for notice in notices if notice.kind in NOTIFY[wishes.notify_on]]
        hook = self._webhook(wishes.webhook)
        if hook is not None:
            for notice in loud:
                hook.send(message(notice, project))
        if not loud or not self._app.away:
            return
        if wishes.bell:
            self._app.bell()
        if wishes.desktop:
            self._to_desktop(project, words((loud[-1],)) if len(loud) == 1 else _summary(loud))

    def _webhook(self, address: str) -> "Webhook | None":
        if self._hook is not None and self._hook.address == address:
            return self._hook
        self._hook = None
        if address and address != self._refused:
            from deeprl_tui.monitor.webhook import Webhook  # urllib: not on the way to the first screen

            try:
                self._hook = Webhook(address, self._on_hook_failed)
            except DeeprlError as error:
                self._refused = address
                self._app.fail(error)
        return self._hook

    def _on_hook_failed(self, error: DeeprlError) -> None:
        """Comes in the thread of the webhook."""
        self._app.post_message(Finished(partial(self._app.fail, error)))

    def _to_desktop(self, title: str, text: str) -> None:
        from deeprl_tui.monitor import desktop  # subprocess: not on the way to the first screen

        command = desktop.desktop_command(title, text, os.environ)
        if command is not None:
            call = partial(desktop.notify, command)
            self._app.jobs.run("desktop", call, lambda _: None, self._app.fail, every=True)
        elif self._app._driver is not None:
            self._app._driver.write(desktop.desktop_sequence(title, text, os.environ))


def _summary(notices: Sequence[Notice]) -> str:
    return "; ".join(clean(f"{notice.who} {notice.text}".strip()) for notice in notices[-3:])
