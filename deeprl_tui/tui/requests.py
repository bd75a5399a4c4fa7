"""What the keys ask of runs: launch, stop, pause, resume; done in the background, answered in words.

Rule: a request goes through `ops`, never waits, and may be repeated.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from deeprl_tui import ops
from deeprl_tui.config.hosts import LOCAL
from deeprl_tui.core import state
from deeprl_tui.core.spec import RunId
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean
from deeprl_tui.errors import ConfigError, DeeprlError
from deeprl_tui.runs.store import Ask
from deeprl_tui.tui.background import Finished
from deeprl_tui.tui.picture import Picture
from deeprl_tui.tui.screens.base import DEMO
from deeprl_tui.tui.toasts import UNDO_S
from deeprl_tui.tui.words import plural

if TYPE_CHECKING:
    from deeprl_tui.tui.app import DeeprlApp


class Requests:
    """The app's requests; `app.requests`."""

    def __init__(self, app: "DeeprlApp") -> None:
        self._app = app
        self._stopped: tuple[tuple[RunId, ...], float] = ((), 0.0)  # what was stopped last, and when
        self._reviving: set[RunId] = set()  # they stop still, and go on after that
        self.pushing: dict[str, str] = {}  # how far pushes to hosts are

    def _is_demo(self) -> bool:
        if self._app.workspace.demo:
            self._app.say(DEMO)
        return self._app.workspace.demo

    def launch(
        self,
        names: Sequence[str],
        seeds: str,
        overrides: Sequence[str],
        *,
        fresh: bool = False,
        hosts: Sequence[str] = (LOCAL,),
    ) -> None:
        """Make the runs and see that somebody starts them. hosts: where they may go; not with fresh."""
        if self._is_demo():
            return
        project, root = self._app.look().project, self._app.workspace.root
        if project is None:
            problems = self._app.look().problems
            self._app.fail(ConfigError(problems) if problems else DeeprlError("there is no experiments.toml"))
            return

        def work() -> "ops.Launched":
            request = ops.choose(project, names, seeds or None, overrides)
            launched = ops.launch(request, root, fresh=fresh)
            self._app.workspace.supervise(root)
            return launched

        snapshot = self._app.look().snapshot

        def send(links: "ops.Hosts") -> "ops.Sent":
            request = ops.choose(project, names, seeds or None, overrides)
            rooms = ops.rooms(snapshot, hosts, root)
            return ops.launch_on(request, root, rooms, links, start=self._app.workspace.supervise)

        links = self._app.links
        if tuple(hosts) == (LOCAL,):
            self._app.jobs.run("launch", work, self._on_launched, self._app.fail, every=True)
        elif links is None:
            self._app.fail(DeeprlError("not connected yet", place=", ".join(hosts), remedy="try again"))
        else:
            self._app.jobs.run("launch", partial(send, links), self._on_sent, self._app.fail, every=True)

    def _on_sent(self, sent: "ops.Sent") -> None:
        for host, run, why in sent.faults[:3]:
            self._app.fail(DeeprlError(why, place=f"{host}: {run}"))
        if len(sent.faults) > 3:
            self._app.fail(DeeprlError(f"and {len(sent.faults) - 3} runs more were not sent"))
        there = sent.many("already")
        more = f", {there} were there already" if there else ""
        self._app.tell(f"{plural(sent.many('created'), 'run')} launched on {', '.join(sent.told)}{more}")
        self._app.wake()

    def _on_launched(self, launched: "ops.Launched") -> None:
        names = list(dict.fromkeys(run.experiment for run in launched.ids))
        what = names[0] if len(names) == 1 else plural(len(names), "experiment")
        if launched.created:
            more = f", {len(launched.already)} were there already" if launched.already else ""
            self._app.tell(f"{plural(launched.created, 'run')} of {what} launched{more}")
        else:
            self._app.tell(f"all {plural(len(launched.ids), 'run')} of {what} are there already")
        self._app.wake()

    def stop(self, runs: Sequence[RunView]) -> None:
        """Ask, then stop runs at their next checkpoint."""
        if self._is_demo():
            return
        from deeprl_tui.tui.screens.confirm import ConfirmScreen, stop_words

        title, words, yes = stop_words(runs)

        def answered(sure: bool | None) -> None:
            if sure:
                self._ask(runs, "stop")
                self._stopped = (tuple(run.id for run in runs), self._app.workspace.wall())
                self._reviving -= set(self._stopped[0])

        self._app.push_screen(ConfirmScreen(title, words, yes=yes, no="Keep running"), answered)

    def undo(self, *, late: bool = False) -> str:
        """Let go on what was stopped last; what to say if that is not done.

        late: also after some seconds, when the key alone could be a slip.
        """
        runs, at = self._stopped
        if not runs:
            return "u: nothing was stopped from here"
        if not late and self._app.workspace.wall() - at > UNDO_S:
            return "u: the last stop is too long ago; : finds Undo the last stop, r resumes what is chosen"
        self._stopped = ((), 0.0)
        self._reviving |= set(runs)
        self._app.tell(f"undo: {_names(runs)} will go on")
        self.look(self._app.look())
        return ""

    def look(self, picture: Picture) -> None:
        """Let runs go on whose stop was taken back, as soon as they have stopped."""
        if not self._reviving:
            return
        known = picture.snapshot.runs
        views = [known[run] for run in sorted(self._reviving) if run in known]
        over = [view for view in views if state.is_over(view.state)]
        self._reviving -= {view.id for view in over}
        again = [view for view in over if isinstance(view.state, state.Stopped)]
        if again:
            self.resume(again)

    def pause(self, runs: Sequence[RunView]) -> None:
        """Pause runs at their next checkpoint."""
        if self._is_demo():
            return
        self._ask(runs, "pause")

    def resume(self, runs: Sequence[RunView]) -> None:
        """Put runs into the queue again."""
        if self._is_demo():
            return
        root, supervise = self._app.workspace.root, self._app.workspace.supervise
        names = [str(run.id) for run in runs]
        self._app.jobs.run(
            "resume",
            lambda: ops.resume(root, names, start=supervise, hosts=self._app.links),
            self._on_answers,
            self._app.fail,
            every=True,
        )

    def wake_supervisor(self) -> None:
        """See that somebody starts what waits."""
        if self._is_demo():
            return
        root = self._app.workspace.root
        self._app.jobs.run(
            "supervise",
            partial(self._app.workspace.supervise, root),
            lambda _: self._app.wake(),
            self._app.fail,
            every=True,
        )

    def push(self, host: str) -> str:
        """Bring this version and the project to a host; what to say at once."""
        project, links = self._app.look().project, self._app.links
        if self._app.workspace.demo:
            return DEMO
        if project is None or links is None:
            return "P: not connected yet"
        if host in self.pushing:
            return f"P: {host}: {self.pushing[host]}"
        self.pushing[host] = "begins…"

        def work() -> str:
            from deeprl_tui.ops.pushing import push  # packing needs slow modules

            done = push(links, project, host, say=lambda text: self._on_push(host, text))
            what = "installed anew" if done.installed else "nothing new"
            return f"{host} is ready: {what}, {done.seconds:.0f} s"

        def over(text: str) -> None:
            del self.pushing[host]
            self._app.tell(text)
            self._app.show_again()

        def failed(error: Exception) -> None:
            del self.pushing[host]
            self._app.fail(error)
            self._app.show_again()

        self._app.jobs.run(f"push {host}", work, over, failed)
        return f"push: {host} is made ready, which takes a minute the first time"

    def _on_push(self, host: str, text: str) -> None:
        """Comes in the thread of the push."""
        if host in self.pushing:
            self.pushing[host] = clean(text).strip() or self.pushing[host]
        self._app.post_message(Finished(self._app.show_again))

    def _ask(self, runs: Sequence[RunView], what: Ask) -> None:
        root, names = self._app.workspace.root, [str(run.id) for run in runs]
        self._app.jobs.run(
            "ask",
            lambda: ops.ask(root, names, what, hosts=self._app.links),
            lambda answers: self._on_answers(answers, what),
            self._app.fail,
            every=True,
        )

    def _on_answers(self, answers: "Sequence[ops.Answer]", what: Ask | None = None) -> None:
        refused = [answer for answer in answers if not answer.done]
        for answer in refused[:3]:
            self._app.fail(DeeprlError(answer.text, place=str(answer.run)))
        if len(refused) > 3:
            self._app.fail(DeeprlError(f"and {len(refused) - 3} runs more could not"))
        said: dict[str, list[str]] = {}
        for answer in answers:
            if answer.done:
                said.setdefault(answer.text, []).append(str(answer.run))
        for text, names in said.items():
            who = names[0] if len(names) == 1 else plural(len(names), "run")
            if what == "stop":
                self._app.announcer.tell(f"{who}: {text}; u lets it go on", stays_s=UNDO_S)
            else:
                self._app.tell(f"{who}: {text}")
        self._app.wake()


def _names(runs: Sequence[RunId]) -> str:
    return str(runs[0]) if len(runs) == 1 else plural(len(runs), "run")
