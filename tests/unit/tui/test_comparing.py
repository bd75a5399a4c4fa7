"""What a comparison says: verdicts, seeds, settings that differ, the same as text."""

from results_lab import by_key, lab_records, learned, seeds, varied

from deeprl_tui import ops
from deeprl_tui.tui import comparing
from deeprl_tui.tui.results import Browse, Line, LineMaker
from deeprl_tui.tui.theme import NIGHT, Palette
from deeprl_tui.tui.widgets.rows import Piece
from deeprl_tui.verdicts.model import Verdict

PALETTE = Palette.of_theme(NIGHT)


def lab() -> tuple[dict[str, Line], dict[str, Verdict]]:
    """Rows, and the verdicts on them."""
    maker = LineMaker("experiment")
    maker.make(lab_records())
    learned(maker)
    return by_key(maker.lines), {one.experiment: one for one in ops.verdicts(lab_records())}


def plain(lines: list[list[Piece]]) -> str:
    """Lines as text."""
    return "\n".join("".join(piece.text for piece in line).rstrip() for line in lines)


def test_only_what_differs() -> None:
    """Equal settings are left out, a setting that one lacks is none there."""
    lines, _ = lab()
    found = comparing.differences([lines["CP_late"], lines["CP_small"]])
    assert found == [("exploration_steps", [35_000, None]), ("net_arch", [None, [8]])]


def test_one_and_true_differ() -> None:
    """A switch is not a number."""
    maker = LineMaker("experiment")
    rows = maker.make(
        [*seeds("A", [1.0], **varied("B", "dueling", True)), *seeds("B", [1.0], **varied("B", "dueling", 1))]
    )
    assert comparing.differences(rows) == [("dueling", [True, 1])]


def test_equal_settings_are_said_to_be_equal() -> None:
    """A comparison of equal settings is not an empty panel."""
    lines, _ = lab()
    told = comparing.difference_lines([lines["CP_basic"], lines["CP_basic"]], PALETTE, 40, {})
    assert plain(told) == "the same settings"


def test_verdict_rows() -> None:
    """A row has P, its interval, the corrected p and a word; the baseline is called so."""
    lines, verdicts = lab()
    cells = comparing.verdict_row(lines["CP_late"], verdicts["CP_late"], PALETTE, 0, 20).cells
    texts = [cell.text for cell in cells if isinstance(cell, Piece)]
    assert texts[0] == "CP_late"
    assert texts[4] == "1.00"
    assert texts[-1] == comparing.outcome(verdicts["CP_late"])[0]
    assert comparing.outcome(verdicts["CP_basic"])[0] == "baseline"
    assert comparing.outcome(None)[0] == "…"


def test_without_a_baseline_nobody_waits() -> None:
    """Rows that are compared with nothing say so, instead of promising a verdict."""
    lines, _ = lab()
    told = [
        comparing.verdict_row(lines[name], None, PALETTE, 0, 20, waits=waits).cells[-1]
        for name, waits in (("CP_basic", False), ("CP_late", False), ("CP_late", True))
    ]
    assert [cell.text for cell in told if isinstance(cell, Piece)] == ["baseline", "no baseline", "…"]


def test_every_seed_is_in_words() -> None:
    """Each run has its score, and a failure its reason."""
    lines, _ = lab()
    told = plain(comparing.seed_lines(lines["CP_small"], PALETTE, 40))
    for score in ("58.0", "31.9", "66.4", "49.7"):
        assert score in told
    assert "2 failed: no" in told


def test_all_about_a_row() -> None:
    """The verdict's own words, the seeds, how many solved it, and what changed."""
    lines, verdicts = lab()
    line, verdict = lines["CP_late"], verdicts["CP_late"]
    told = plain(comparing.told_lines(line, lines["CP_basic"], verdict, PALETTE, 200))
    assert verdict.headline in told
    assert "0 of 5 reached 195" in told
    assert "exploration_steps 10k → 35k" in told


def test_before_the_verdict_is_there() -> None:
    """While a verdict is worked out, the row says so and shows what is known."""
    lines, _ = lab()
    told = plain(comparing.told_lines(lines["CP_late"], lines["CP_basic"], None, PALETTE, 60))
    assert "working it out" in told
    assert "178.0" in told


def test_as_text() -> None:
    """The copy has tabs, every seed, and the settings that differ."""
    lines, verdicts = lab()
    text = comparing.text([lines["CP_late"], lines["CP_small"]], verdicts)
    rows = [line.split("\t") for line in text.splitlines()]
    assert ["CP_small/2", "failed", "–"] in rows
    assert ["exploration_steps", "35k", "none"] in rows
    assert rows[1][0] == "CP_late"
    assert rows[1][-1] == verdicts["CP_late"].words


def test_command() -> None:
    """The command names the experiments once, also where runs were picked, and the user's baseline."""
    lines, _ = lab()
    runs = LineMaker("run").make(lab_records()[:2])
    assert comparing.command([lines["CP_late"]], Browse()) == "deeprl compare CP_late"
    assert comparing.command(runs, Browse(baseline="AB_fast")) == "deeprl compare AB_basic --against AB_fast"
