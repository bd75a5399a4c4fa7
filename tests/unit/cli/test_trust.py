"""`deeprl trust`, and what is refused without it."""

import json
import sys
from pathlib import Path

import pytest

from deeprl_tui import config, ops
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.core.trust import record_file
from deeprl_tui.errors import RefusedError

from .conftest import PROJECT, Deeprl

MINE = """\
[experiments.CP_mine]
env = "CartPole-v1"
replay = "mine:Mine"
"""


@pytest.fixture
def own(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a buffer of its own, whose import would leave a trace; nothing is trusted yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(project / "state"))
    (project / "experiments.toml").write_text(PROJECT + MINE)
    (project / "mine.py").write_text("import helper\nopen('trace', 'w')\nclass Mine: ...\n")
    (project / "helper.py").write_text("open('trace', 'w')\n")
    return project


def launch(project: Path, *overrides: str) -> ops.Launched:
    """Make the run as `deeprl run` and the dashboard do; nothing is started."""
    request = ops.choose(config.load(project), ["CP_mine"], "1", overrides)
    return ops.launch(request, project / "runs")


def test_what_is_not_trusted_is_listed_with_what_it_imports(own: Path, deeprl: Deeprl) -> None:
    """State, file, digest and use of each; nobody is there to ask, so nothing is trusted."""
    said = deeprl("trust")
    rows = [line.split("\t") for line in said.lines]
    assert said.code == 5
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("new", "mine.py", "replay mine:Mine"),
        ("new", "helper.py", "imported by mine.py"),
    ]
    assert "not trusted: mine.py, helper.py" in said.err
    assert not record_file().exists()


@pytest.mark.parametrize("arguments", [("--yes",), ("mine",), ("mine:Mine",), ("./mine.py",)])
def test_trust_is_given_by_yes_or_by_name(own: Path, deeprl: Deeprl, arguments: tuple[str, ...]) -> None:
    """Then all of it is trusted, what it imports too."""
    assert deeprl("trust", *arguments).code == 0
    assert {row["trust"] for row in deeprl("trust", "--json").rows} == {"trusted"}


@pytest.mark.parametrize(("answer", "code", "trust"), [(True, 0, "trusted"), (False, 5, "new")])
def test_a_person_is_asked(
    own: Path, deeprl: Deeprl, monkeypatch: pytest.MonkeyPatch, answer: bool, code: int, trust: str
) -> None:
    """Only yes trusts."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer)
    assert deeprl("trust").code == code
    assert deeprl("trust", "--json", "--yes").rows[0]["trust"] == trust


def test_a_changed_file_is_asked_about_again(own: Path, deeprl: Deeprl) -> None:
    """Also if only something that the module imports was changed."""
    deeprl("trust", "--yes")
    (own / "helper.py").write_text("x = 1\n")
    assert {row["file"].rpartition("/")[2]: row["trust"] for row in deeprl("trust", "--json").rows} == {
        "mine.py": "trusted",
        "helper.py": "changed",
    }


def test_an_unknown_module_is_told(own: Path, deeprl: Deeprl) -> None:
    """With those that there are."""
    said = deeprl("trust", "yours")
    assert (said.code, said.err) == (3, "deeprl: yours: no experiment uses this module; they use mine\n")


def test_a_project_without_code_has_nothing_to_trust(project: Path, deeprl: Deeprl) -> None:
    """And says so."""
    said = deeprl("trust")
    assert (said.code, said.out) == (0, "")
    assert "no experiment uses code" in said.err


def test_a_launch_of_code_that_is_not_trusted_is_refused(own: Path) -> None:
    """With the remedy, before anything is made."""
    with pytest.raises(RefusedError, match=r"mine\.py: is not trusted yet; read it, then: deeprl trust"):
        launch(own)
    assert not (own / "runs").exists()


def test_a_launch_of_changed_code_is_refused(own: Path, deeprl: Deeprl) -> None:
    """The other file is named."""
    deeprl("trust", "--yes")
    (own / "helper.py").write_text("x = 1\n")
    with pytest.raises(RefusedError, match=r"helper\.py: was changed since you trusted it"):
        launch(own)


def test_trusted_code_is_launched_and_written_into_the_run(own: Path, deeprl: Deeprl) -> None:
    """Digests of all files that its worker may import."""
    deeprl("trust", "--yes")
    launch(own)
    (paths,) = RootPaths(own / "runs").runs()
    digests = {Path(row["file"]).name: row["sha256"] for row in deeprl("trust", "--json").rows}
    assert json.loads(paths.spec.read_bytes())["code"] == digests


def test_changed_code_under_an_old_name_is_refused_like_changed_settings(own: Path, deeprl: Deeprl) -> None:
    """Trusted again, it still trains something else than the older runs."""
    deeprl("trust", "--yes")
    launch(own)
    (own / "helper.py").write_text("x = 1\n")
    deeprl("trust", "--yes")
    with pytest.raises(RefusedError, match=r"with other settings \(helper\.py \"[0-9a-f]{8}\" → "):
        launch(own)


def test_the_dashboard_is_told_before_the_launch(own: Path) -> None:
    """The dialog shows the same refusal."""
    request = ops.choose(config.load(own), ["CP_mine"])
    (error,) = ops.conflicts(request, own / "runs")
    assert "deeprl trust" in str(error)


def test_other_experiments_need_no_trust(own: Path) -> None:
    """Code that a launch does not use is not asked about."""
    request = ops.choose(config.load(own), ["CP_basic"])
    assert ops.launch(request, own / "runs").created == 1


def test_a_plan_says_why_nothing_is_measured(own: Path, deeprl: Deeprl) -> None:
    """Measuring would import the code."""
    said = deeprl("plan", "CP_mine")
    assert said.code == 0
    assert "is not trusted yet" in said.err


@pytest.mark.parametrize(
    "arguments", [("check",), ("plan", "CP_mine"), ("trust",), ("show", "CP_mine"), ("schema",)]
)
def test_no_verb_imports_code(own: Path, deeprl: Deeprl, arguments: tuple[str, ...]) -> None:
    """Only workers do."""
    deeprl(*arguments)
    assert not (own / "trace").exists()


def test_code_beside_other_runs_is_looked_for_there(own: Path, tmp_path: Path) -> None:
    """A runs folder's own project has the code: the runs may be on another machine."""
    request = ops.choose(config.load(own), ["CP_mine"])
    with pytest.raises(RefusedError, match=r"no module mine: there is no mine\.py in .*elsewhere"):
        ops.launch(request, tmp_path / "elsewhere" / "runs")


def test_a_correction_of_the_code_is_noticed(own: Path) -> None:
    """The dashboard checks the file again when code that it names has changed."""
    (own / "mine.py").unlink()
    stamp, checked = ops.check_if_changed(own / "experiments.toml", None)
    assert checked is not None
    assert checked.project is None
    (own / "mine.py").write_text("class Mine: ...\n")
    _, again = ops.check_if_changed(own / "experiments.toml", stamp)
    assert again is not None
    assert again.project is not None
