"""A batch as a live table on a terminal, drawn at most twice a second and only where it changed.

Rule: it fits the window. Where there are more runs than lines, those that train come first and the rest folds
into one line.
"""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from deeprl_tui.cli import look
from deeprl_tui.cli.table import Cell, Column, Line, Value, lay, shorten
from deeprl_tui.cli.watch import HERE, Scene
from deeprl_tui.core import state
from deeprl_tui.core.state import RunView
from deeprl_tui.core.text import clean

AROUND = 8
"""Lines beside the runs: titles, the fold, a blank one, four of the footer, and the prompt."""

COLUMNS = (
    Column("  run", cut=True, least=26),
    Column("progress", rank=1),
    Column("done", right=True, floor=9),
    Column("return", right=True, floor=7),
    Column("steps/s", right=True, rank=2),
    Column("cpu", right=True, rank=4, floor=4),
    Column("core", right=True, rank=5),
    Column("eta", right=True, floor=9),
    Column("", cut=True, rank=3, least=20),
)

_STYLES = {
    "": "",
    "dim": "dim",
    "bold": "bold",
    "cyan": "cyan",
    "green": "green",
    "red": "red",
    "yellow": "yellow",
}

ORDER = ("running", "stopping", "lost", "failed", "queued", "paused", "stopped", "finished")


class LiveScreen:
    """Shows a batch until it is closed; the last picture stays."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, markup=False, emoji=False)
        self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
        self._console.line()
        self._live.start()
        self._live.update(Text("reading …", style="dim"), refresh=True)
        self._shown: list[Line] = []

    def show(self, scene: Scene) -> None:
        """Draw the batch, if it looks different."""
        lines = picture(scene, self._console.width, self._console.height)
        if lines != self._shown:
            self._shown = lines
            self._live.update(Group(*map(_text, lines)), refresh=True)

    def close(self, scene: Scene | None) -> None:
        """Draw the last picture and give the terminal back."""
        if scene is not None:
            lines = picture(scene, self._console.width, self._console.height, live=False)
            self._live.update(Group(*map(_text, lines)))
        self._live.stop()


def picture(scene: Scene, width: int, height: int, *, live: bool = True) -> list[Line]:
    """The lines of a batch."""
    shown, folded = fold(scene.runs, max(3, height - AROUND))
    bar = 8 if width < 90 else 14 if width < 120 else 24
    lines = lay(COLUMNS, [_row(view, bar, scene.homes.get(view.id, "")) for view in shown], width)
    if folded:
        words = [state.word(view.state) for view in folded]
        counts = ", ".join(f"{words.count(word)} {word}" for word in ORDER if word in words)
        lines.append((Cell(shorten(f"  … {len(folded)} more: {counts}", width), "dim"),))
    return [*lines, (), *footer(scene, width, live=live)]


def fold(runs: Sequence[RunView], most: int) -> tuple[list[RunView], list[RunView]]:
    """Split runs into those to show and the rest; in their own order while all fit."""
    if len(runs) <= most:
        return list(runs), []
    ranked = sorted(runs, key=lambda view: ORDER.index(state.word(view.state)))
    return ranked[:most], ranked[most:]


def footer(scene: Scene, width: int, *, live: bool) -> list[Line]:
    """Counts, the time until all is done, the cores; then the last failure, a full disk, what the keys do."""
    pieces: list[Cell] = []
    for word, number in scene.counts():
        glyph, style = look.STATES[word]
        pieces += [Cell(glyph, style), Cell(f" {number} {word}  ")]
    left = look.span(scene.left) if scene.left else ""
    if left:
        pieces.append(Cell(f" all done in {left}  "))
    host = scene.host
    if live and host is not None and host.cores:
        training = [view for view in scene.runs if isinstance(view.state, state.Running)]
        used = {(scene.homes.get(view.id, HERE), core) for view in training for core in view.cores}
        places = {scene.homes.get(view.id, HERE) for view in scene.runs if not state.is_over(view.state)}
        cores = sum(len(host.cores) if place == HERE else scene.cores.get(place, 0) for place in places)
        if cores:
            pieces.append(Cell(f" {len(used)} of {cores} cores", "dim"))
        if len(places) > 1:
            pieces.append(Cell(f" on {len(places)} hosts", "dim"))
        if scene.waiting and not host.supervisor and HERE in places:
            pieces.append(Cell("  starting the supervisor", "dim"))
    lines: list[Line] = [_within(pieces, width)]
    if live and scene.files:
        more = f"  and {len(scene.files) - 1} more" if len(scene.files) > 1 else ""
        lines.append((Cell("↓ ", "cyan"), Cell(_cut(scene.files[0] + more, width - 2))))
    failed = [(view.state.at, view) for view in scene.runs if isinstance(view.state, state.Failed)]
    if live and failed:
        _, last = max(failed, key=lambda pair: pair[0])
        lines.append((Cell("✗ ", "red"), Cell(_cut(f"{last.id}: {_why(last)}", width - 2))))
    waits = next((view for view in scene.runs if view.waiting), None)
    if live and waits is not None:
        lines.append((Cell("! ", "yellow"), Cell(_cut(f"{waits.id}: {waits.waiting}", width - 2))))
    if live and not scene.over:
        lines.append((Cell(shorten("ctrl+c stops looking; the runs go on", width), "dim"),))
    return lines


def _within(pieces: Sequence[Cell], width: int) -> Line:
    """The pieces that fit a line whole."""
    kept: list[Cell] = []
    for piece in pieces:
        width -= len(piece.text)
        if width < 0:
            break
        kept.append(piece)
    return tuple(kept)


def _cut(text: str, width: int) -> str:
    """The beginning of a text, as much as fits."""
    cleaned = clean(text)
    return cleaned if cell_len(cleaned) <= width else set_cell_size(cleaned, width - 1) + "…"


def _row(view: RunView, bar: int, home: str) -> tuple[Value, ...]:
    live = isinstance(view.state, state.Running | state.Stopping)
    failed = isinstance(view.state, state.Failed | state.Lost)
    return (
        look.name(view),
        look.bar(view, bar),
        look.done(view),
        look.number(view.return_mean),
        look.count(view.steps_per_second) if view.steps_per_second else "",
        look.share(view.cpu) if live else "",
        _place(view, home) if live else Cell(home, "dim"),
        _left(view),
        Cell(_why(view), "red" if failed else "dim"),
    )


def _place(view: RunView, home: str) -> str:
    cores = ",".join(map(str, view.cores))
    return f"{home}:{cores}" if home else cores


def _left(view: RunView) -> Value:
    match view.state:
        case state.Finished() | state.Queued():
            return ""
        case state.Running() | state.Stopping():
            return look.span(view.eta)
        case _:
            return Cell(state.word(view.state), "dim")


def _why(view: RunView) -> str:
    match view.state:
        case state.Failed(error=error):
            return error
        case state.Queued(why=why) if why not in ("", "launched"):
            return why
        case state.Lost():
            return "its worker died"
        case _:
            return ""


def _text(line: Line) -> Text:
    text = Text(no_wrap=True, overflow="crop")
    for piece in line:
        text.append(clean(piece.text), _STYLES[piece.style] or None)
    return text
