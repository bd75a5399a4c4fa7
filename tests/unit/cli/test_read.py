"""`deeprl ls`, `tail`, `logs` and `show`: what is read of runs, for people and for programs."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import make_run, run_python, spec, start, training, write

from deeprl_tui.core import events
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.runs.homes import remember
from deeprl_tui.runs.store import RunStore

from .conftest import Deeprl, end, one

KEYS = {
    "run", "experiment", "seed", "state", "step", "total_steps", "episodes", "return_mean",
    "steps_per_second", "cpu", "rss", "eta_s", "host", "cores", "pid", "attempt",
}  # fmt: skip
NASTY = "a\x1b[31mred\x1b]0;title\x07\u202eevil\u200b\x9b2J[@click=app.quit]x[/]"


def test_ls_json_is_one_object_for_each_run(root: Path, deeprl: Deeprl) -> None:
    """Every run comes with the keys that programs count on."""
    said = deeprl("ls", "--json")
    assert said.code == 0
    assert [row["run"] for row in said.rows] == ["CP_basic/0", "CP_basic/1", "CP_basic/2", "CP_wide/0"]
    assert all(set(row) >= KEYS for row in said.rows)


def test_ls_json_has_null_for_what_is_not_a_number(root: Path, deeprl: Deeprl) -> None:
    """A return of NaN is null, for JSON has no NaN."""
    make_run(root, spec("CP_nan"), [(0.0, start()), (1.0, events.Episode(1, 5, math.nan, 5))])
    assert json.loads(deeprl("ls", "CP_nan", "--json").out)["return_mean"] is None


def test_ls_judges_runs_of_other_machines_by_what_they_said(root: Path, deeprl: Deeprl) -> None:
    """One that nobody has heard of for long is not stalled; one that beat for long without a step is."""
    quiet = make_run(root, spec("CP_far"), [(0.0, start()), *training(20)])
    still = [(float(at), events.Beat(200, 200, 0.9, 10**8, 10.0)) for at in range(21, 321)]
    stuck = make_run(root, spec("CP_far", 1), [(0.0, start()), *training(20), *still])
    for paths in (quiet, stuck):
        paths.host.write_text("vm")
    remember(RootPaths(root), "vm", 0.0, [spec("CP_far").id, spec("CP_far", 1).id])
    rows = deeprl("ls", "CP_far", "--json").rows
    assert [(row["state"], row["stalled_s"]) for row in rows] == [("running", None), ("running", 300.0)]


def test_ls_in_a_pipe_is_plain_fields(root: Path, deeprl: Deeprl) -> None:
    """Off a terminal there are tabs between fields and no escape code, and --header names the fields."""
    said = deeprl("ls", "--header")
    assert said.lines[0].split("\t")[:3] == ["run", "state", "progress"]
    assert said.lines[1].split("\t")[:4] == ["CP_basic/0", "finished", "1", "300"]
    assert len({line.count("\t") for line in said.lines}) == 1
    assert "\x1b" not in said.out


def test_ls_takes_patterns_and_states(root: Path, deeprl: Deeprl) -> None:
    """A pattern and a state narrow the list."""
    said = deeprl("ls", "CP_b*", "--state", "failed", "--state", "stopped")
    assert [line.split("\t")[0] for line in said.lines] == ["CP_basic/1", "CP_basic/2"]


def test_ls_takes_a_filter(root: Path, deeprl: Deeprl) -> None:
    """The one of the results screen; a half-typed one is refused here, for nobody is typing."""
    assert [row["run"] for row in deeprl("ls", "--where", "state:failed", "--json").rows] == ["CP_basic/2"]
    said = deeprl("ls", "--where", "return>")
    assert (said.code, "not finished" in said.err) == (2, True)


def test_ls_says_the_same_with_an_index_as_without(root: Path, deeprl: Deeprl) -> None:
    """Every field of every run: what is remembered is what was read."""
    first = deeprl("ls", "--json").out
    assert (root / ".index.jsonl").stat().st_size > 1000
    assert deeprl("ls", "--json").out == first


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ls", "CP_basik"), 3, "did you mean CP_basic?"),
        (("ls", "--state", "done"), 2, "there are running, stopping"),
        (("show", "nothing"), 3, "no run matches"),
        (("tail", "CP_basic/9"), 3, "no run matches"),
        (("logs", "CP_basic"), 2, "is 3 runs"),
        (("ls", "--runs", "elsewhere"), 3, "no such folder"),
        (("ls", "--nothing"), 2, "No such option"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    root: Path, deeprl: Deeprl, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """The fault goes to stderr once, nothing to stdout, and the exit code says what kind it was."""
    said = deeprl(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("deeprl: ")
    assert len(said.err.splitlines()) == 1
    assert words in said.err


def test_ls_without_a_project_or_runs_says_where_to_go(folder: Path, deeprl: Deeprl) -> None:
    """An empty folder is an error with a remedy."""
    said = deeprl("ls")
    assert said.code == 3
    assert "no experiments.toml here or above; go to" in said.err


def test_ls_of_a_new_project_is_empty(project: Path, deeprl: Deeprl) -> None:
    """No runs yet is no error."""
    said = deeprl("ls")
    assert (said.code, said.out) == (0, "")
    assert "no runs yet" in said.err


def test_a_damaged_run_does_not_hide_the_others(root: Path, deeprl: Deeprl) -> None:
    """A run that cannot be read is told on stderr; the rest is listed."""
    one(root, 1).spec.write_text("{")
    said = deeprl("ls")
    assert [line.split("\t")[0] for line in said.lines] == ["CP_basic/0", "CP_basic/2", "CP_wide/0"]
    assert "not a run description" in said.err


def test_what_a_run_says_reaches_nobody_raw(root: Path, deeprl: Deeprl) -> None:
    """Escape codes, bidi marks and zero-width characters of a reason or a log are taken out everywhere."""
    make_run(
        root, spec("CP_evil"), [(0.0, start()), (1.0, events.Warn(NASTY)), (2.0, end("failed", 0, NASTY))]
    )
    evil = RunStore(root).paths.run(spec("CP_evil"))
    evil.worker_log.write_text(NASTY + "\n")
    for verb in (
        ("ls",),
        ("show", "CP_evil/0"),
        ("tail", "CP_evil/0"),
        ("logs", "CP_evil/0"),
        ("ls", "--json"),
    ):
        said = deeprl(*verb)
        assert said.code == 0
        hidden = [char for char in said.out + said.err if not char.isprintable() and char not in "\n\t"]
        assert hidden == [], verb
        assert "evil" in said.out


def test_tail_shows_events_in_words_and_ends_with_the_run(root: Path, deeprl: Deeprl) -> None:
    """The last events of a finished run, and no waiting."""
    said = deeprl("tail", "CP_basic/0", "-n", "3")
    assert len(said.lines) == 3
    assert "episode 30  step 300  return 30.0  length 10" in said.lines[0]
    assert said.lines[2].endswith("finished  step 300")


def test_tail_json_has_the_fields_of_the_event(root: Path, deeprl: Deeprl) -> None:
    """Each line is the event with its run and attempt, without its checksum."""
    row = deeprl("tail", "CP_basic/0", "-n", "1", "--json", "--no-follow").rows[0]
    assert (row["run"], row["attempt"], row["e"], row["outcome"]) == ("CP_basic/0", 1, "end", "finished")
    assert "c" not in row


def test_logs_shows_the_last_lines_without_colors(root: Path, deeprl: Deeprl) -> None:
    """What the worker printed comes as plain text."""
    one(root).worker_log.write_text("first\n\x1b[1mTraceback\x1b[0m\nlast\n")
    assert deeprl("logs", "CP_basic/0", "-n", "2").lines == ["Traceback", "last"]


def test_show_tells_a_run(project: Path, root: Path, deeprl: Deeprl) -> None:
    """State, progress, a trend of the return, the reason, notes and folder of one run."""
    said = deeprl("show", "CP_basic/2")
    assert said.code == 0
    assert "failed" in said.lines[0]
    assert "KeyError: 'gamma' (x.py:3)" in said.lines[1]
    assert str(one(root, 2).folder) in said.out
    assert "█" in deeprl("show", "CP_basic/0").out


def test_show_tells_what_differs_from_the_baseline(project: Path, deeprl: Deeprl) -> None:
    """An experiment without runs shows its settings with the baseline's and where they come from."""
    said = deeprl("show", "CP_wide")
    line = next(line for line in said.lines if line.startswith("net_arch"))
    assert line.split("  ")[0] == "net_arch"
    assert "[512]" in line
    assert "[256, 256, 256]" in line
    assert line.endswith("experiment")


def test_show_json_has_settings_and_changes(project: Path, root: Path, deeprl: Deeprl) -> None:
    """One object with the row of `ls` and all settings."""
    shown = json.loads(deeprl("show", "CP_basic/0", "--json").out)
    assert shown["state"] == "finished"
    assert shown["settings"]["gamma"] == 0.99
    assert shown["activity"][-1]["kind"] == "finished"


def test_tail_goes_on_where_a_new_attempt_writes(root: Path, deeprl: Deeprl) -> None:
    """Events of a second attempt follow those of the first."""
    write(one(root, 1), 2, [(11.0, start(2)), *training(2, first=11, step=100), (14.0, end("finished", 120))])
    rows = deeprl("tail", "CP_basic/1", "-n", "3", "--json").rows
    assert [(row["attempt"], row["e"]) for row in rows] == [(2, "episode"), (2, "beat"), (2, "end")]


def test_a_closed_pipe_is_no_error(root: Path) -> None:
    """Where the reader has left, `deeprl` ends like any program in a pipe, without a word."""
    read, write_end = os.pipe()
    os.close(read)
    arguments = [sys.executable, "-m", "deeprl_tui", "ls", "--json", "--runs", str(root)]
    done = subprocess.run(arguments, stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


def test_ls_loads_no_toolkit() -> None:
    """`deeprl ls` starts without textual, numpy, multiprocess or torch, and without rich's console."""
    code = (
        "import sys; from deeprl_tui.cli.main import call; call(['ls', '--runs', sys.argv[1]]);"
        "print(*sorted(m for m in sys.modules if m in"
        " {'textual', 'numpy', 'multiprocess', 'torch', 'rich.console', 'rich.live'}))"
    )
    assert run_python(code, "/").split() == []
