"""`--notify URL`: what happens to the runs of a batch, posted as JSON while it is watched."""

from collections.abc import Mapping

from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import misused
from deeprl_tui.cli.watch import Scene, Screen
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.errors import DeeprlError
from deeprl_tui.monitor.news import message, run_news
from deeprl_tui.monitor.webhook import Webhook, check_address


def checked(address: str) -> None:
    """Raise ConfigError if an address may not be posted to."""
    try:
        check_address(address)
    except DeeprlError as error:
        raise misused(
            "--notify", f"{error.place.removeprefix('webhook ')} {error.fault}", error.remedy
        ) from None


class NotifyingScreen:
    """Shows what another screen shows, and posts what is new between two pictures."""

    def __init__(self, screen: Screen, hook: Webhook, project: str) -> None:
        self._screen, self._hook, self._project = screen, hook, project
        self._before: Mapping[RunId, RunView] | None = None
        self._then = 0.0

    def show(self, scene: Scene) -> None:
        """Show it, and post the news."""
        self._screen.show(scene)
        runs = {view.id: view for view in scene.runs}
        now = scene.host.now if scene.host is not None else self._then
        if self._before is not None:
            for notice in run_news(self._before, runs, self._then, now):
                self._hook.send(message(notice, self._project))
        self._before, self._then = runs, now

    def close(self, scene: Scene | None) -> None:
        """Leave the terminal in order; what was posted last still arrives."""
        self._screen.close(scene)
        self._hook.close()


def notifying(screen: Screen, address: str, output: Output, project: str) -> NotifyingScreen:
    """A screen that posts to an address; that it cannot is a warning."""
    hook = Webhook(address, lambda error: output.say(f"deeprl: warning: {error}"))
    return NotifyingScreen(screen, hook, project)
