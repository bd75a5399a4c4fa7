"""`deeprl export`, `plot`, `report` and `card`: what is written, what is said, what is refused."""

import csv
import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support import make_run, run_python, spec, start, training

from deeprl_tui.core import events

from .conftest import Deeprl, end, one


def read_csv(path: Path) -> list[dict[str, Any]]:
    """Rows of a CSV file."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_export_writes_all_tables_and_names_them(root: Path, deeprl: Deeprl) -> None:
    """Into a folder, as CSV, one line of stdout for each file."""
    said = deeprl("export", "--to", "out")
    assert (said.code, said.err) == (0, "")
    assert said.lines == [f"out/{name}.csv" for name in ("runs", "episodes", "evaluations", "settings")]
    assert [row["run"] for row in read_csv(Path("out/runs.csv"))] == [
        "CP_basic/0", "CP_basic/1", "CP_basic/2", "CP_wide/0",
    ]  # fmt: skip
    assert len(read_csv(Path("out/episodes.csv"))) == 40


def test_export_to_a_file_is_one_table(root: Path, deeprl: Deeprl) -> None:
    """Its ending says the format; runs, unless told otherwise."""
    assert deeprl("export", "CP_basic", "--to", "runs.json").code == 0
    assert [row["seed"] for row in json.loads(Path("runs.json").read_text())] == [0, 1, 2]
    assert deeprl("export", "CP_basic/1", "--to", "e.json", "--what", "episodes").code == 0
    assert [row["return"] for row in json.loads(Path("e.json").read_text())] == [
        float(n) for n in range(1, 11)
    ]


def test_export_takes_a_query(root: Path, deeprl: Deeprl) -> None:
    """As the results screen does."""
    assert deeprl("export", "--where", "state:failed", "--to", "bad.csv").code == 0
    assert [row["run"] for row in read_csv(Path("bad.csv"))] == ["CP_basic/2"]


def test_export_writes_tensorboard_files(root: Path, deeprl: Deeprl) -> None:
    """A folder for each run."""
    pytest.importorskip("tensorboard")
    said = deeprl("export", "CP_basic/0", "CP_basic/1", "--format", "tensorboard", "--to", "board")
    assert [str(Path(line).parent) for line in said.lines] == ["board/CP_basic/0", "board/CP_basic/1"]
    assert all(Path(line).stat().st_size > 100 for line in said.lines)


@pytest.mark.parametrize(
    "verb",
    [
        ("export", "--to", "taken.csv"),
        ("plot", "CP_basic", "-o", "taken.svg"),
        ("report", "-o", "taken.html"),
        ("card", "CP_basic/0", "-o", "taken.md"),
    ],
)
def test_nothing_is_replaced_unasked(root: Path, deeprl: Deeprl, verb: tuple[str, ...]) -> None:
    """The file stays, and the remedy is named."""
    file = Path(verb[-1])
    file.write_text("mine")
    said = deeprl(*verb)
    assert (said.code, file.read_text()) == (5, "mine")
    assert "is there already; name another, or replace it: --force" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("export", "--format", "xlsx"), 3, "there are csv, json, parquet"),
        (("export", "--what", "curves"), 3, "there are runs, episodes, evaluations, settings"),
        (("export", "--to", "a.csv", "--what", "runs", "--what", "settings"), 5, "is one file, for 2 tables"),
        (("export", "--where", "state:stopping"), 3, "no run matches"),
        (("plot", "CP_basic", "-o", "a.gif"), 3, "end it in .png, .svg, .pdf"),
        (("plot", "CP_basic", "-o", "a.png", "--metric", "reward"), 3, "there are return, length"),
        (("plot", "CP_basic", "-o", "a.png", "--x", "days"), 3, "there are steps, episodes"),
        (("plot", "CP_basic", "-o", "a.png", "--band", "iqr"), 3, "there are sd, minmax, ci95, none"),
        (("plot", "CP_wide", "-o", "a.png"), 5, "no run has a return yet"),
        (("plot", "CP_nothing", "-o", "a.png"), 3, "no run matches"),
        (("card", "CP_basic"), 2, "is 3 runs"),
        (("card", "CP_basic/0"), 5, "has no model yet"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    root: Path, deeprl: Deeprl, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Nothing is written, and the exit code says what kind of fault it was."""
    before = sorted(Path().iterdir())
    said = deeprl(*arguments)
    assert (said.code, said.out, len(said.err.splitlines())) == (code, "", 1)
    assert words in said.err
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("metric", ["return", "length", "loss", "epsilon", "steps/s"])
@pytest.mark.parametrize("axis", ["steps", "episodes", "seconds", "updates"])
def test_plot_draws_each_metric_over_each_axis(root: Path, deeprl: Deeprl, metric: str, axis: str) -> None:
    """A picture that names its curves."""
    said = deeprl("plot", "CP_basic", "-o", "curves.svg", "--metric", metric, "--x", axis, "--band", "minmax")
    assert (said.code, said.lines) == (0, ["curves.svg"])
    assert "CP_basic" in Path("curves.svg").read_text()


def test_report_has_the_title_of_the_project(project: Path, root: Path, deeprl: Deeprl) -> None:
    """And every run, whatever became of it; a damaged one is named."""
    with open("experiments.toml", "a") as file:
        file.write('\n[project]\nname = "Poles & <wires>"\n')
    one(root, 1).spec.write_text("{")
    said = deeprl("report")
    assert (said.code, said.lines) == (0, ["report.html"])
    page = Path("report.html").read_text()
    assert "<h1>Poles &amp; &lt;wires&gt;</h1>" in page
    assert "CP_basic/0,2" in page or "CP_basic/2" in page
    assert "not a run description" in page


def test_report_of_one_experiment_has_the_verdict_of_the_whole_folder(root: Path, deeprl: Deeprl) -> None:
    """Its baseline need not be part of the report."""
    for seed in range(5):
        worse = dataclasses.replace(spec("CP_worse", seed), baseline="CP_basic")
        make_run(root, worse, [(0.0, start()), *training(5), (6.0, end("finished", 50))])
        if seed > 2:
            make_run(root, spec(seed=seed), [(0.0, start()), *training(30), (31.0, end("finished", 300))])
    told = []
    for patterns in (("CP_worse",), ()):
        assert deeprl("report", *patterns, "--force").code == 0
        told += re.findall(r'<li class="\w+">(CP_worse [^<]*)', Path("report.html").read_text())
    assert len(told) == 2
    assert told[0] == told[1]
    assert "CP_basic" in told[0]


def test_card_tells_the_number_of_its_model(root: Path, deeprl: Deeprl) -> None:
    """The mean and deviation of the evaluation that the best model had, as Hugging Face reads them."""
    evals = [
        (31.0, events.Eval(100, (10.0, 20.0), (10, 20), True)),
        (32.0, events.Eval(200, (100.0, 120.0), (100, 120), True)),
        (33.0, events.Eval(300, (50.0, 50.0), (50, 50), False)),
    ]
    paths = make_run(
        root, spec("CP_told"), [(0.0, start()), *training(30), *evals, (34.0, end("finished", 300))]
    )
    paths.best_model.write_bytes(b"model")
    assert deeprl("card", "CP_told/0").code == 0
    front, _, text = Path("README.md").read_text().removeprefix("---\n").partition("\n---\n")
    assert "library_name: stable-baselines3" in front
    assert "value: 110.00 +/- 10.00" in front
    assert 'DQN.load("best_model.zip"' in text


def test_export_of_runs_loads_no_picture() -> None:
    """Neither matplotlib nor torch."""
    code = (
        "import sys; from deeprl_tui.cli.main import call; call(['export', '--runs', sys.argv[1]]);"
        "print(*sorted(m for m in sys.modules if m in {'matplotlib', 'torch', 'pyarrow', 'textual'}))"
    )
    assert run_python(code, "/").split() == []
