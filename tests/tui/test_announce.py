"""News in the running app: messages, the way from a message to its run, undo, copies."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hook_lab import Server, serving
from textual.widgets._toast import Toast
from tui_lab import Lab, check_golden, press, running, settle, text_of, until

from deeprl_tui import ops
from deeprl_tui.core import state
from deeprl_tui.core.events import End
from deeprl_tui.core.log import EventLog
from deeprl_tui.core.spec import RunId
from deeprl_tui.tui.app import DeeprlApp
from deeprl_tui.tui.screens.run import RunScreen
from deeprl_tui.tui.toasts import STAYS_S, UNDO_S

RUN = RunId("CP_basic", 0)


@dataclass
class Wishes:
    """What the user asked for."""

    bell: bool = False
    desktop: bool = False
    webhook: str = ""
    notify_on: str = "ends"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on loopback."""
    with serving() as server:
        yield server


def end(lab: Lab, run: RunId, outcome: str, reason: str = "") -> None:
    """Let a run end, and bring it into the fleet."""
    (found,) = ops.find_runs(lab.root, [str(run)])
    log = EventLog(found[1].events(1), lambda: 500.0)
    log.append(End(lab.now + 1, outcome, 900, reason))  # type: ignore[arg-type]
    log.close()
    lab.held.discard(run)
    lab.feed()


def told(app: DeeprlApp) -> list[str]:
    """The messages to be seen."""
    return [message.message for message in app._notifications]


async def test_nothing_is_told_at_the_start(lab: Lab) -> None:
    """A failed run that was there is no news."""
    app = lab.app()
    async with running(app):
        app.tick()
        assert told(app) == []


async def test_a_failure_is_told_and_leads_to_its_run(lab: Lab) -> None:
    """The message stays; a click shows the run, and the message is gone."""
    app = lab.app()
    async with running(app) as pilot:
        app.tick()
        end(lab, RUN, "failed", "ValueError: loss is NaN")
        app.tick()
        await settle(pilot)
        assert told(app) == ["✗ CP_basic/0 failed at step 9000: ValueError: loss is NaN\n  ! shows it"]
        lab.now += 3600
        app.tick()
        await pilot.click(Toast)
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        assert app.screen.chosen() == ["CP_basic/0"]
        assert told(app) == []


async def test_a_key_leads_to_the_run_too(lab: Lab) -> None:
    """! goes to the run of the newest message, and says so if there is none."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "exclamation_mark")
        assert "no message is about a run" in text_of(app)
        app.tick()
        end(lab, RUN, "finished")
        app.tick()
        await press(pilot, "exclamation_mark")
        assert isinstance(app.screen, RunScreen)


async def test_a_success_goes_by_itself(lab: Lab) -> None:
    """After some seconds."""
    app = lab.app()
    async with running(app) as pilot:
        app.tick()
        end(lab, RUN, "finished")
        app.tick()
        await settle(pilot)
        assert told(app) == ["✓ CP_basic/0 finished, return 153.7"]
        lab.now += STAYS_S
        app.tick()
        await settle(pilot)
        assert told(app) == []
        assert "finished" not in "".join(toast.render().plain for toast in app.screen.query(Toast))


async def test_messages_wait_behind_a_dialog(lab: Lab) -> None:
    """They cover none of its words, and come when it is closed."""
    app = lab.app()
    async with running(app) as pilot:
        app.tick()
        await press(pilot, "n")
        end(lab, RUN, "failed", "ValueError: loss is NaN")
        app.tick()
        await settle(pilot)
        assert told(app) == []
        await press(pilot, "escape")
        app.tick()
        await settle(pilot)
        assert told(app)[0].startswith("✗ CP_basic/0 failed")


async def test_escape_clears_messages(lab: Lab) -> None:
    """When there is no filter and no mark."""
    app = lab.app()
    async with running(app) as pilot:
        app.fail(ValueError("x"))
        await press(pilot, "escape")
        assert told(app) == []


async def test_the_webhook_gets_the_news(lab: Lab, server: Server) -> None:
    """Run, kind and project as JSON."""
    app = lab.app()
    app.announcer.wishes = Wishes(webhook=server.address, notify_on="all")
    async with running(app) as pilot:
        app.tick()
        end(lab, RUN, "finished")
        app.tick()
        await until(pilot, lambda: bool(server.bodies))
        body = server.bodies[0]
        assert (body["kind"], body["run"], body["project"]) == ("finished", "CP_basic/0", "lab")
        assert body["text"] == "lab: CP_basic/0 finished, return 153.7"


async def test_the_webhook_gets_what_was_asked_for(lab: Lab, server: Server) -> None:
    """A run that finishes is no trouble; one that fails is."""
    app = lab.app()
    app.announcer.wishes = Wishes(webhook=server.address, notify_on="trouble")
    async with running(app) as pilot:
        app.tick()
        end(lab, RUN, "finished")
        app.tick()
        end(lab, RunId("CP_basic", 1), "failed", "x")
        app.tick()
        await until(pilot, lambda: bool(server.bodies))
        assert [body["kind"] for body in server.bodies] == ["failed"]


async def test_an_address_that_may_not_be_posted_to_is_said_once(lab: Lab) -> None:
    """Plain http to elsewhere."""
    app = lab.app()
    app.announcer.wishes = Wishes(webhook="http://example.org/")
    async with running(app):
        app.tick()
        for run in (RUN, RunId("CP_basic", 1)):
            end(lab, run, "finished")
            app.tick()
        assert sum("neither https" in text for text in told(app)) == 1


async def test_the_bell_rings_only_when_nobody_looks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trouble rings an unwatched terminal; the terminal that is looked at stays quiet."""
    rung: list[int] = []
    app = lab.app()
    app.announcer.wishes = Wishes(bell=True)
    monkeypatch.setattr(app, "bell", lambda: rung.append(1))
    async with running(app):
        app.tick()
        end(lab, RUN, "failed", "x")
        app.tick()
        assert rung == []
        app.on_app_blur()
        app._ticks = 4
        end(lab, RunId("CP_basic", 1), "failed", "y")
        app.tick()
        assert rung == [1]


async def stopped(lab: Lab, app: DeeprlApp) -> None:
    """Stop the run that waits, which needs no worker."""
    waits = app.look().snapshot.runs[RunId("AB_basic", 1)]
    app.requests._ask([waits], "stop")
    app.requests._stopped = ((waits.id,), lab.now)


def state_of(lab: Lab, run: RunId) -> str:
    """The word of a run, from its files."""
    return state.word(ops.views_of(lab.root)[run].state)


async def test_u_takes_a_stop_back(lab: Lab) -> None:
    """The run waits again, and somebody is asked to start it."""
    app, run = lab.app(), RunId("AB_basic", 1)
    async with running(app) as pilot:
        await stopped(lab, app)
        await until(pilot, lambda: state_of(lab, run) == "stopped")
        lab.feed()
        await settle(pilot)
        assert told(app) == ["AB_basic/1: stopped; u lets it go on"]
        await press(pilot, "u")
        await until(pilot, lambda: state_of(lab, run) == "queued")
        assert lab.supervisor.asked == [lab.root]


async def test_u_waits_for_a_run_that_is_still_stopping(lab: Lab) -> None:
    """Its worker reaches the checkpoint first; then it goes on by itself."""
    app = lab.app()
    async with running(app) as pilot:
        app.requests._stopped = ((RUN,), lab.now)
        await press(pilot, "u")
        assert lab.supervisor.asked == []
        end(lab, RUN, "stopped")
        app.tick()
        await until(pilot, lambda: state_of(lab, RUN) == "queued")


async def test_u_is_for_ten_seconds(lab: Lab) -> None:
    """Later it says where to find it; without a stop it says that."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "u")
        assert "nothing was stopped from here" in text_of(app)
        app.requests._stopped = ((RUN,), lab.now)
        lab.now += UNDO_S + 1
        await press(pilot, "u")
        assert "too long ago" in text_of(app)
        assert app.requests.undo(late=True) == ""


async def test_the_whole_table_is_copied(lab: Lab) -> None:
    """^y copies what is in focus, with tabs and without pictures."""
    app = lab.app()
    async with running(app) as pilot:
        await press(pilot, "ctrl+y")
        lines = app.clipboard.splitlines()
        assert lines[0].split("\t")[:3] == ["state", "experiment", "seeds"]
        assert lines[2].startswith("running\tCP_basic\t")
        assert told(app) == ["copied the table: 3 rows"]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_messages_look_as_their_golden(lab: Lab, size: tuple[int, int]) -> None:
    """A failure, several successes as one, and an answer to a key."""
    app = lab.app()
    async with running(app, size) as pilot:
        app.tick()
        end(lab, RunId("CP_basic", 0), "failed", "ValueError: loss is NaN")
        end(lab, RunId("CP_basic", 1), "finished")
        app.tick()
        app.tell("2 runs of CP_wide launched")
        await settle(pilot)
        check_golden(f"toasts-{size[0]}x{size[1]}", text_of(app))
