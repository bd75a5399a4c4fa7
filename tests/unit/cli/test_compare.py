"""`deeprl compare`: the verdicts of the dashboard, for people and for programs."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support import make_run, spec, start, training

from deeprl_tui import ops
from deeprl_tui.cli.compare import FIELDS, differing

from .conftest import Deeprl, end, one


@pytest.fixture(scope="session")
def compared_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seeds of a baseline, five of a better experiment, and two of another.

    The return of an episode is its number, so more episodes are a better run.
    """
    runs = tmp_path_factory.mktemp("compare") / "runs"
    for name, arch, episodes in (("CP_basic", [64], 10), ("CP_wide", [512], 30), ("CP_tiny", [4], 2)):
        for seed in range(2 if name == "CP_tiny" else 5):
            about = replace(
                spec(name, seed, solved=12.0, net_arch=arch), baseline=None if arch == [64] else "CP_basic"
            )
            failed = name == "CP_wide" and seed == 3
            word = end("failed", 1, "boom") if failed else end("finished", 1)
            make_run(runs, about, [(0.0, start()), *training(episodes + seed), (99.0, word)])
    return runs


@pytest.fixture
def compared(folder: Path, compared_once: Path) -> Path:
    """A copy of them as the runs of the current folder."""
    return shutil.copytree(compared_once, folder / "runs")


def test_one_name_is_compared_with_its_baseline(compared: Path, deeprl: Deeprl) -> None:
    """One line of fields in a pipe, the verdict in words last."""
    said = deeprl("compare", "CP_wide", "--header")
    assert said.code == 0
    titles, fields = (line.split("\t") for line in said.lines)
    assert titles == list(FIELDS)
    found = dict(zip(titles, fields, strict=True))
    assert (found["baseline"], found["outcome"], found["seeds"], found["p"]) == (
        "CP_basic",
        "better",
        "5",
        "1",
    )
    assert found["verdict"] == (
        "CP_wide beats CP_basic: P = 1.00 (every seed above every one of CP_basic), 5 paired seeds, rough; "
        "1 of CP_wide's 5 runs failed"
    )


def test_json_has_every_seed_and_what_differs(compared: Path, deeprl: Deeprl) -> None:
    """One object for each experiment, its baseline too."""
    base, wide = deeprl("compare", "CP_wide", "--json").rows
    assert (base["experiment"], wide["experiment"]) == ("CP_basic", "CP_wide")
    assert [seed["state"] for seed in wide["seeds"]] == ["finished"] * 3 + ["failed", "finished"]
    assert wide["score"]["value"] == pytest.approx(16.5)
    assert (base["reached"]["solved"], wide["reached"]["of"]) == (0, 5)
    assert (base["differs"], wide["differs"]) == ({"net_arch": [64]}, {"net_arch": [512]})
    assert wide["verdicts"][0]["comparison"]["paired"] is True


def test_patterns_choose_experiments(compared: Path, deeprl: Deeprl) -> None:
    """Each gets a verdict; few seeds get none in either direction."""
    said = deeprl("compare", "CP_*")
    assert [line.split("\t")[3] for line in said.lines] == ["baseline", "few", "better"]


def test_two_experiments_are_compared_with_each_other_too(compared: Path, deeprl: Deeprl) -> None:
    """The first against the second, beside their baseline."""
    said = deeprl("compare", "CP_wide", "CP_tiny")
    assert [line.split("\t")[:3:2] for line in said.lines] == [
        ["CP_tiny", "CP_basic"],
        ["CP_wide", "CP_basic"],
        ["CP_wide", "CP_tiny"],
    ]


def test_any_experiment_may_be_compared_against(compared: Path, deeprl: Deeprl) -> None:
    """The baseline too, by any score."""
    said = deeprl("compare", "CP_basic", "--against", "CP_wide", "--score", "auc")
    assert "CP_basic loses to CP_wide: P = 0.00" in said.lines[0]


def test_the_verdicts_are_those_of_the_dashboard(compared: Path, deeprl: Deeprl) -> None:
    """Naming one does not spare it the correction for all."""
    records, _ = ops.read_records(compared)
    (expected,) = (one for one in ops.verdicts(records) if one.experiment == "CP_wide")
    assert deeprl("compare", "CP_wide").lines[0].endswith(expected.words)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_shows_every_seed(
    compared: Path, deeprl: Deeprl, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Names, seeds with their values, what differs and the verdict, at any width."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    said = deeprl("compare", "CP_wide")
    assert "CP_wide 0: 15.5 1: 16.0 2: 16.5 3: 17.0 ✗ 4: 17.5" in " ".join(said.out.split())
    assert "net_arch [512]" in said.out
    assert "▲ CP_wide beats CP_basic" in said.out
    assert "CP_basic base" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("CP_widd",), 3, "did you mean CP_wide?"),
        (("CP_wide/0",), 2, "is a run; compare experiments: CP_wide"),
        (("CP_wide", "--score", "luck"), 2, "there are score, best, last_eval, auc"),
        (("CP_wide", "--against", "CP_*"), 2, "is 3 experiments"),
        (("CP_wide", "--against", "nothing"), 3, "no run matches"),
    ],
)
def test_a_wrong_request_is_told(
    compared: Path, deeprl: Deeprl, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """In one line of stderr."""
    said = deeprl("compare", *arguments)
    assert (said.code, said.out) == (code, "")
    assert words in said.err


def test_damaged_runs_are_told_and_the_others_compared(compared: Path, deeprl: Deeprl) -> None:
    """A seed less, not a verdict less."""
    one(compared, 1).spec.write_text("{")
    said = deeprl("compare", "CP_wide")
    assert "not a run description" in said.err
    assert said.lines[0].split("\t")[3] == "few"


def test_what_differs_is_told_once_by_the_reference_and_by_who_is_other() -> None:
    """What all share is left out."""
    settings = {"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 1, "y": 5, "z": 3}, "c": {"x": 1, "y": 2, "z": 4}}
    assert differing(settings, "a") == {"a": {"y": 2, "z": 3}, "b": {"y": 5}, "c": {"z": 4}}
