"""Which screen a batch is watched on: a table that lives, or plain lines; and who is told besides."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.plain import PlainScreen
from deeprl_tui.cli.watch import Screen

Notify = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--notify", metavar="URL", help="Post what happens to the runs there, as JSON."),
]


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody wants to watch."""

    headless: bool = False  # plain lines
    as_json: bool = False  # stdout is for objects
    notify: str | None = None  # an address to post news to

    def check(self) -> None:
        """Raise ConfigError if nothing may be posted to the address."""
        if self.notify is not None:
            from deeprl_tui.cli.notify import checked

            checked(self.notify)

    def screen(self, output: Output, project: str) -> Screen:
        """What to show a batch on."""
        shown = self._shown(output)
        if self.notify is None:
            return shown
        from deeprl_tui.cli.notify import notifying

        return notifying(shown, self.notify, output, project)

    def _shown(self, output: Output) -> Screen:
        if output.terminal and output.draws and not self.headless and not self.as_json:
            from deeprl_tui.cli.live import LiveScreen

            return LiveScreen()
        write: Callable[[str], None] = output.say if self.as_json else output.line
        return PlainScreen(write, ops.clock, time.monotonic)
