"""`deeprl play` and `deeprl record`: a run's greedy episodes, on the terminal, as returns, or as a film."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Optional

import typer

from deeprl_tui import ops
from deeprl_tui.cli.complete import runs as complete_runs
from deeprl_tui.cli.output import Output
from deeprl_tui.cli.place import AsJson, File, Runs, find_runs_folder, misused
from deeprl_tui.core.playing import AUTO, CHECKPOINTS, Played, Scene, Wish
from deeprl_tui.core.spec import RunId
from deeprl_tui.errors import DeeprlError, UnknownNameError
from deeprl_tui.launch.player import KEPT, Player, Seen

EPISODES, FILMED = 5, 1

Name = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="experiment/seed; of an experiment its best seed.", autocompletion=complete_runs
    ),
]
Checkpoint = Annotated[
    str,
    typer.Option(
        metavar="WHICH",
        help="best, last, before (the checkpoint before), or an SB3 zip; default: best if there.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(play)
    app.command()(record)


def play(
    name: Name,
    checkpoint: Checkpoint = AUTO,
    episodes: Annotated[
        int, typer.Option(min=0, max=KEPT, help="End after so many; 0: never on a terminal, else 5.")
    ] = 0,
    speed: Annotated[float, typer.Option(min=0.1, max=64.0, help="Times real time.")] = 1.0,
    plain: Annotated[bool, typer.Option("--plain", help="Print returns, draw nothing.")] = False,
    file: File = None,
    runs: Runs = None,
    as_json: AsJson = False,
) -> int:
    """Watch a run play greedily, or print the returns of its episodes.

    Episodes are those of its evaluations: the same seeds, the same weights, the same returns.
    """
    output = Output()
    root = find_runs_folder(file, runs)
    run = _meant(root, name)
    checkpoint = _checkpoint(checkpoint)
    if not (plain or as_json):
        return _show(output, root, run, Wish(checkpoint=checkpoint, episodes=episodes, speed=_near(speed)))
    wish = Wish(checkpoint=checkpoint, speed=0.0, episodes=episodes or EPISODES)
    told: list[Played] = []

    def tell(seen: Seen) -> None:
        for one in seen.played[len(told) :]:
            told.append(one)
            _tell(output, run, seen.scene, one, as_json)

    seen = _follow(lambda news: ops.play(root, run, wish, news), tell)
    if told and not as_json:
        mean = sum(one.total for one in told) / len(told)
        output.say(f"mean of {len(told)}: {mean:.2f}  {_weights(seen.scene)}")
    return 0


def record(
    name: Name,
    target: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("-o", "--output", metavar="FILE", help="An .mp4 or .gif; default: RUN.gif here."),
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = FILMED,
    checkpoint: Checkpoint = AUTO,
    file: File = None,
    runs: Runs = None,
) -> int:
    """Write a film of a run's greedy episodes: an .mp4 (needs imageio-ffmpeg) or a .gif."""
    output = Output()
    root = find_runs_folder(file, runs)
    run = _meant(root, name)
    path = target or Path(f"{run.experiment}_{run.seed}.gif")

    def tell(seen: Seen) -> None:
        output.progress(f"{path.name}: {seen.progress} frames, {len(seen.played)} of {episodes} episodes")

    start: Callable[[Callable[[], None]], Player] = lambda news: ops.record(  # noqa: E731
        root, run, path, checkpoint=_checkpoint(checkpoint), episodes=episodes, news=news
    )
    try:
        seen = _follow(start, tell)
    finally:
        output.progress("")
    returns = ", ".join(f"{one.total:.1f}" for one in seen.played)
    output.line(str(path))
    output.say(f"{seen.progress} frames, {_weights(seen.scene)}, return {returns}")
    return 0


def _show(output: Output, root: Path, run: RunId, wish: Wish) -> int:
    import sys

    if not (output.terminal and output.draws and sys.stdin.isatty()):
        raise misused("play", "there is no terminal to draw on", "--plain or --json prints returns")
    from deeprl_tui.cli import stage

    seen = stage.perform(str(run), wish, lambda fitted, news: ops.play(root, run, fitted, news))
    if seen.fault:
        raise DeeprlError(seen.fault)
    if seen.played:
        returns = ", ".join(f"{one.total:.1f}" for one in seen.played[-8:])
        output.line(f"{run}  {_weights(seen.scene)}  returns {returns}")
    return 0


def _follow(start: Callable[[Callable[[], None]], Player], tell: Callable[[Seen], None]) -> Seen:
    """Tell what a player brings until it ends. Raises DeeprlError if it could not go on."""
    ring = threading.Event()
    player = start(ring.set)
    try:
        while True:
            ring.wait()
            ring.clear()
            seen = player.seen
            tell(seen)
            if seen.over:
                break
    finally:
        player.close()
        player.wait(5.0)
    if seen.fault:
        raise DeeprlError(seen.fault)
    return seen


def _meant(root: Path, name: str) -> RunId:
    """The run of a name; of an experiment the one with the best evaluation."""
    if "/" in name:
        try:
            return RunId.parse(name)
        except ValueError as error:
            raise UnknownNameError(str(error)) from None
    views, damaged = ops.read_runs(root, [name])
    best = ops.best_seed(views)
    if best is None:
        if damaged:
            raise damaged[0]
        raise DeeprlError("has not trained a step", place=name, remedy="deeprl ls shows how far runs are")
    return best.id


def _checkpoint(text: str) -> str:
    if text in (AUTO, *CHECKPOINTS):
        return text
    path = Path(text)
    if path.suffix != ".zip" or not path.is_file():
        raise UnknownNameError("no such checkpoint", place=text, remedy=f"there are {', '.join(CHECKPOINTS)}")
    return str(path.resolve())


def _near(speed: float) -> float:
    """The speed that keys can reach."""
    from deeprl_tui.cli.stage import SPEEDS

    return min(SPEEDS, key=lambda one: abs(one - speed))


def _weights(scene: Scene | None) -> str:
    if scene is None:
        return ""
    return f"{scene.checkpoint} weights" + (f" of step {scene.trained}" if scene.trained is not None else "")


def _tell(output: Output, run: RunId, scene: Scene | None, one: Played, as_json: bool) -> None:
    which, trained = (scene.checkpoint, scene.trained) if scene is not None else ("", None)
    if as_json:
        output.json(
            {
                "run": str(run),
                "checkpoint": which,
                "trained": trained,
                "episode": one.episode,
                "return": one.total,
                "length": one.length,
                "over": one.over,
            }
        )
    elif output.terminal:
        output.line(f"episode {one.episode:>3}  return {one.total:9.2f}  steps {one.length:>5}  {one.over}")
    else:
        output.record([str(run), which, trained, one.episode, one.total, one.length, one.over])
