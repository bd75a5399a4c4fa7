"""A comparison in words: verdicts against the baseline, every seed, the settings that differ; also as text.

Rule: pure. A verdict's words are those of `verdicts`; nothing here decides who is better.
"""

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Final

from deeprl_tui.core.spec import Json
from deeprl_tui.tui import notes
from deeprl_tui.tui.result_columns import interval_text, runs_text, share, tenth
from deeprl_tui.tui.results import Browse, Line
from deeprl_tui.tui.theme import LABEL, STATES, Palette
from deeprl_tui.tui.widgets.rows import Cell, Column, Piece, Row
from deeprl_tui.tui.words import NONE, count, middle, number, value_text
from deeprl_tui.verdicts.model import Outcome, Verdict

_ABSENT: Final = object()
_LOOKS: Final[Mapping[Outcome, tuple[str, str]]] = {
    "better": ("better", "success"),
    "worse": ("worse", "error"),
    "undecided": ("not decided", "warning"),
    "few": ("too few seeds", "warning"),
    "apart": ("another env", "foreground"),
    "missing": ("no baseline", "foreground"),
    "none": ("no baseline", "foreground"),
    "baseline": ("baseline", "foreground"),
}
"""A verdict in a word, and its color."""

VERDICTS: Final = (
    Column("name", "experiment", 12, flex=True),
    Column("runs", "runs", 9, min_table=90),
    Column("return", "return", 6, "right"),
    Column("interval", "95% interval", 14, min_table=104),
    Column("p", "P(better)", 9, "right"),
    Column("p interval", "95% interval", 12),
    Column("holm", "p Holm", 6, "right", min_table=70),
    Column("verdict", "verdict", 13),
)


def outcome(verdict: Verdict | None) -> tuple[str, str]:
    """A verdict in a word, and the role of its color."""
    return ("…", "foreground") if verdict is None else _LOOKS[verdict.outcome]


def verdict_row(
    line: Line, verdict: Verdict | None, palette: Palette, color: int, room: int, *, waits: bool = True
) -> Row:
    """One row of the table of verdicts. `waits`: a verdict is being worked out."""
    quiet, plain = palette.style("foreground", 0.6), palette.style()
    word, role = outcome(verdict)
    if verdict is None and not waits:
        word = "baseline" if line.baseline is None else "no baseline"
    found = verdict.comparison if verdict else None
    between = NONE
    if found is not None and found.low is not None and found.high is not None:
        between = f"[{found.low:.2f}, {found.high:.2f}]"
    corrected = verdict.p_corrected if verdict else None
    cells: tuple[Cell, ...] = (
        Piece(middle(line.key, room), palette.style(palette.curve(color), bold=True)),
        Piece(runs_text(line), quiet),
        Piece(tenth(line.value), plain),
        Piece(interval_text(line), quiet),
        Piece(share(found.p) if found else NONE, plain),
        Piece(between, quiet),
        Piece(p_text(corrected), quiet),
        Piece(word, palette.style(role, 1.0 if role != "foreground" else LABEL)),
    )
    return Row(line.key, cells)


def p_text(value: float | None) -> str:
    """A p value: `0.032`, `<.001`."""
    if value is None:
        return NONE
    return "<.001" if value < 0.001 else f"{value:.3f}"


def seed_lines(line: Line, palette: Palette, width: int) -> notes.Lines:
    """Every run of a row: state, seed, score; as many beside each other as fit."""
    quiet, plain = palette.style("foreground", LABEL), palette.style()
    cells: list[list[Piece]] = []
    for record in line.records:
        score = tenth(record.score)
        cells.append(
            [
                Piece(f"{STATES[record.state].glyph} ", palette.state(record.state)),
                Piece(f"{record.id.seed:>2} ", quiet),
                Piece(f"{score:>6}   ", plain),
            ]
        )
    each = max(1, width // 14)
    lines = [[piece for cell in cells[at : at + each] for piece in cell] for at in range(0, len(cells), each)]
    for record in line.records:
        if record.reason and record.state in ("failed", "lost"):
            told = f"{record.id.seed} {record.state}: {record.reason}"
            lines += [[Piece(part, palette.style("error", 0.8))] for part in notes.wrapped(told, width)[:2]]
    return lines


def verdict_lines(verdict: Verdict, palette: Palette, width: int) -> notes.Lines:
    """A verdict in words."""
    role = outcome(verdict)[1]
    lines = [
        [Piece(part, palette.style(role, 1.0 if role != "foreground" else 0.7))]
        for part in notes.wrapped(verdict.headline, width)
    ]
    for remark in verdict.remarks:
        lines += [[Piece(part, palette.style("foreground", LABEL))] for part in notes.wrapped(remark, width)]
    return lines


def short_verdicts(
    found: Sequence[tuple[Line, Verdict | None]], palette: Palette, width: int, colors: Mapping[str, int]
) -> notes.Lines:
    """A line for each: its name, P, how sure that is, in a word."""
    quiet, out = palette.style("foreground", LABEL), []
    room = max(8, min(max((len(line.key) for line, _ in found), default=8), width - 20))
    for line, verdict in found:
        word, role = outcome(verdict)
        known = verdict.comparison if verdict else None
        out.append(
            [
                Piece(middle(line.key, room).ljust(room + 1), palette.style(palette.curve(colors[line.key]))),
                Piece(f"{share(known.p) if known else NONE:>4} ", palette.style()),
                Piece(word, palette.style(role) if role != "foreground" else quiet),
            ]
        )
    bases = dict.fromkeys(verdict.baseline for _, verdict in found if verdict and verdict.baseline)
    return [[Piece(f"P(better than {', '.join(map(str, bases))})", quiet)], *out] if bases else out


def differences(lines: Sequence[Line]) -> list[tuple[str, list[Json]]]:
    """The settings that are not the same for all of these, each with a value for each; None where absent."""
    keys = dict.fromkeys(key for line in lines for key in line.settings)
    out: list[tuple[str, list[Json]]] = []
    for key in keys:
        values = [line.settings.get(key, _ABSENT) for line in lines]
        if any(value != values[0] or type(value) is not type(values[0]) for value in values):
            out.append((key, [None if value is _ABSENT else value for value in values]))  # type: ignore[misc]
    return out


def difference_lines(
    lines: Sequence[Line], palette: Palette, width: int, colors: Mapping[str, int]
) -> notes.Lines:
    """The settings that differ as a small table: a row for each setting, a column for each row compared."""
    quiet, plain = palette.style("foreground", LABEL), palette.style()
    if len(lines) < 2:
        return [[Piece("nothing to compare it with", quiet)]]
    found = differences(lines)
    if not found:
        return [[Piece("the same settings", quiet)]]
    keys = min(max(len(key) for key, _ in found), max(10, width // 3))
    room = max(6, min(20, (width - keys) // len(lines) - 1))
    out: notes.Lines = [[Piece(" " * (keys + 1), quiet)]]
    for line in lines:
        style = palette.style(palette.curve(colors[line.key])) if line.key in colors else quiet
        out[0].append(Piece(middle(line.key, room).ljust(room + 1), style))
    for key, values in found:
        row = [Piece(middle(key, keys).ljust(keys + 1), palette.style("foreground", 0.7))]
        for value in values:
            same = value == values[-1]
            row.append(Piece(middle(value_text(value), room).ljust(room + 1), quiet if same else plain))
        out.append(row)
    return out


def told_lines(
    line: Line, base: Line | None, verdict: Verdict | None, palette: Palette, width: int
) -> notes.Lines:
    """All about one row: its verdict, its seeds, what differs from the baseline, when it was solved."""
    quiet = palette.style("foreground", LABEL)
    out: notes.Lines = []
    if verdict is not None:
        out += [*verdict_lines(verdict, palette, width), []]
    elif base is not None:
        out += [[Piece("verdict: working it out…", quiet)], []]
    out += seed_lines(line, palette, width)
    reached = line.group.reached if line.group is not None else None
    if reached is not None and line.solved is not None:
        told = f"{reached.solved} of {reached.of} reached {number(line.solved)}"
        if reached.steps is not None:
            told += f", median {count(reached.steps)} steps"
        out.append([Piece(told, quiet)])
    changes = line.records[0].changes
    if changes:
        out += [[], [Piece(f"against {line.baseline}", quiet)]]
        for key, (old, new) in changes.items():
            out += notes.difference(key, old, new, palette, width)
    elif line.baseline is None:
        out += [[], [Piece("is a baseline", quiet)]]
    return out


def command(lines: Sequence[Line], browse: Browse) -> str:
    """The command line that prints the same verdicts."""
    words = ["deeprl compare", *map(quote, dict.fromkeys(line.experiment for line in lines))]
    if browse.baseline is not None:
        words += ["--against", quote(browse.baseline)]
    return " ".join(words)


def text(lines: Sequence[Line], verdicts: Mapping[str, Verdict]) -> str:
    """The comparison as text with tabs: the verdicts, every seed, the settings that differ."""
    out = ["experiment\truns\treturn\t95% interval\tP(better)\tp Holm\tverdict"]
    for line in lines:
        verdict = verdicts.get(line.experiment)
        found = verdict.comparison if verdict else None
        cells = [
            line.key,
            runs_text(line),
            tenth(line.value),
            interval_text(line),
            share(found.p) if found else NONE,
            p_text(verdict.p_corrected) if verdict else NONE,
            verdict.words if verdict else "",
        ]
        out.append("\t".join(cells))
    out += ["", "run\tstate\treturn"]
    out += [f"{r.id}\t{r.state}\t{tenth(r.score)}" for line in lines for r in line.records]
    found_differences = differences(lines)
    if found_differences:
        out += ["", "setting\t" + "\t".join(line.key for line in lines)]
        out += ["\t".join([key, *map(value_text, values)]) for key, values in found_differences]
    return "\n".join(out) + "\n"
