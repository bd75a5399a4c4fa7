"""`deeprl check`, `plan`, `stop`, `pause`, `resume`, `doctor`: what they do, and their clean errors."""

import json
from pathlib import Path

import pytest

from deeprl_tui import config, ops
from deeprl_tui.cli import doctor as doctor_module
from deeprl_tui.core import state
from deeprl_tui.core.lock import FileLock
from deeprl_tui.ops import asking
from deeprl_tui.runs import measured
from deeprl_tui.runs.load import load_view
from deeprl_tui.runs.stats import Throughput

from .conftest import PROJECT, Deeprl, one

BAD = PROJECT + 'replay_bufer = "prioritized"\ngamma = 2\n'


def test_check_counts_what_is_there(project: Path, deeprl: Deeprl) -> None:
    """A good file gets one line."""
    said = deeprl("check")
    assert (said.code, said.err) == (0, "")
    assert said.lines[-1] == "experiments.toml: ok, 2 experiments, 1 environment, 2 runs"


def test_check_reports_every_problem_with_its_place(project: Path, deeprl: Deeprl) -> None:
    """Each problem is one line with file, line, table, key, reason and remedy; exit code 2."""
    (project / "experiments.toml").write_text(BAD)
    said = deeprl("check")
    assert said.code == 2
    assert said.lines[0].startswith("experiments.toml:10 [experiments.CP_wide] replay_bufer: unknown key")
    assert said.lines[1].startswith("experiments.toml:11 [experiments.CP_wide] gamma:")
    assert said.lines[-1].startswith("experiments.toml: 2 errors")


def test_check_marks_warnings(project: Path, deeprl: Deeprl) -> None:
    """A doubt is marked and keeps the exit code 0."""
    (project / "experiments.toml").write_text(PROJECT + '[experiments.CP_twin]\nenv = "CartPole-v1"\n')
    said = deeprl("check")
    assert said.code == 0
    assert "warning: has the same settings" in said.lines[0]


def test_check_json_has_the_parts_of_a_problem(project: Path, deeprl: Deeprl) -> None:
    """Programs get one object."""
    (project / "experiments.toml").write_text(BAD)
    found = json.loads(deeprl("check", "--json").out)
    assert found["ok"] is False
    assert found["errors"][0]["key"] == "replay_bufer"
    assert found["errors"][0]["line"] == 10


@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_bad_file_starts_nothing(project: Path, deeprl: Deeprl, verb: str) -> None:
    """All problems are told on stderr, and no runs folder appears."""
    (project / "experiments.toml").write_text(BAD)
    said = deeprl(verb, "CP_basic")
    assert (said.code, said.out) == (2, "")
    assert [line.split(" ")[0] for line in said.err.splitlines()] == ["deeprl:", "deeprl:"]
    assert not (project / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "CP_basik"), 3, "did you mean CP_basic?"),
        (("run", "CP_basic", "--set", "gama=1"), 2, "did you mean gamma?"),
        (("run", "CP_basic", "--seeds", "x"), 2, "--seeds"),
        (("run",), 2, "Missing argument"),
        (("plan", "CP_basic", "--set", "gamma"), 2, "KEY=VALUE"),
        (("stop",), 2, "names no run"),
        (("stop", "--all", "CP_basic"), 2, "beside names"),
        (("resume", "nothing"), 3, "no run matches"),
        (("completion", "tcsh"), 2, "bash, zsh, fish"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_a_wrong_request_is_told_in_one_line(
    project: Path, root: Path, deeprl: Deeprl, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """The fault goes to stderr once, nothing to stdout, and the exit code says what kind it was."""
    said = deeprl(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("deeprl: ")
    assert len(said.err.splitlines()) == 1
    assert words in said.err


def test_run_refuses_changed_settings_under_an_old_name(project: Path, root: Path, deeprl: Deeprl) -> None:
    """The differing keys are named; nothing is made."""
    said = deeprl("run", "CP_basic", "--seeds", "9,")
    assert said.code == 5
    assert "was already run with other settings" in said.err
    assert not one(root, 9).folder.exists()


def test_run_refuses_what_does_not_fit_into_memory(project: Path, deeprl: Deeprl) -> None:
    """A buffer of terabytes is refused before anything is made."""
    sets = ("pixels=true", "buffer_size=1000000000", "total_timesteps=1000000000")
    said = deeprl("run", "CP_wide", *(word for text in sets for word in ("--set", text)))
    assert said.code == 5
    assert "GB are free; lower buffer_size" in said.err
    assert not list((project / "runs").glob("CP_wide*"))


def test_plan_says_what_would_run(project: Path, deeprl: Deeprl) -> None:
    """Runs, cores, memory, and that no time is known; nothing is made."""
    said = deeprl("plan", "CP_*", "--seeds", "3", "--no-measure")
    assert said.code == 0
    assert said.lines[1].split("\t")[:3] == ["CP_wide", "3", "0,1,2"]
    assert "net_arch [256, 256, 256] → [512]" in said.lines[1]
    assert said.lines[2] == "runs\t6 new"
    assert "no times for CartPole-v1" in said.err
    assert not (project / "runs").exists()


def test_plan_takes_what_was_measured(project: Path, deeprl: Deeprl) -> None:
    """A speed that was measured on this machine becomes hours and a finish time."""
    work = ops.kind(config.load(project).experiments["CP_basic"])
    measured.save(project / "runs", measured.machine(), work, Throughput(10.0, 20.0, 0))
    found = json.loads(deeprl("plan", "CP_basic", "--json").out)
    assert found["experiments"][0]["each_s"][1] == pytest.approx(100)
    assert found["finish_s"][0] < found["finish_s"][1] < found["finish_s"][2]
    assert found["unmeasured"] == []


def test_plan_says_a_derived_name(project: Path, deeprl: Deeprl) -> None:
    """What --set changes is filed under a name that says so."""
    said = deeprl("plan", "CP_basic", "--set", "gamma=0.9", "--no-measure")
    assert "filed as CP_basic+gamma=0.9" in said.err


def test_stop_ends_a_waiting_run_at_once(root: Path, deeprl: Deeprl) -> None:
    """A run without a worker is stopped by the request itself."""
    said = deeprl("stop", "CP_wide")
    assert (said.code, said.out) == (0, "CP_wide/0\tdone\tstopped\n")


def test_stop_says_what_could_not_be_done(root: Path, deeprl: Deeprl) -> None:
    """A run that is over cannot be stopped: exit code 5, and the others are stopped."""
    said = deeprl("stop", "CP_basic/0", "CP_wide", "--json")
    assert said.code == 5
    assert [(row["run"], row["done"]) for row in said.rows] == [("CP_basic/0", False), ("CP_wide/0", True)]


def test_stop_all_leaves_what_is_over(root: Path, deeprl: Deeprl) -> None:
    """--all means the runs that train or wait; a second time there is nothing to do."""
    assert [line.split("\t")[0] for line in deeprl("stop", "--all").lines] == ["CP_wide/0"]
    again = deeprl("stop", "--all")
    assert (again.code, again.out) == (0, "")


def test_pause_asks_a_living_worker(root: Path, deeprl: Deeprl) -> None:
    """A run whose lock is held gets a request that its worker will see."""
    paths = one(root, 0).folder.parents[2] / "CP_wide" / "dqn" / "CartPole-v1_0"
    with FileLock.acquire(paths / "lock", "worker"):
        said = deeprl("pause", "CP_wide/0")
    assert said.code == 0
    assert (paths / "request").read_text() == "pause"


def test_resume_queues_a_stopped_run(root: Path, deeprl: Deeprl, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped run waits again, and a supervisor is asked for."""
    asked: list[Path] = []
    monkeypatch.setattr(asking, "supervise", asked.append)
    assert deeprl("resume", "CP_basic/1").code == 0
    assert isinstance(load_view(one(root, 1)).state, state.Queued)
    assert asked == [root]


def test_doctor_checks_everything_quickly(project: Path, root: Path, deeprl: Deeprl) -> None:
    """Each check has a name, a level and words; a sound machine has no failure."""
    said = deeprl("doctor", "--quick", "--json")
    assert said.code == 0
    names = [row["check"] for row in said.rows]
    assert {"python", "packages", "cores", "file locks", "disk", "memory", "supervisor"} <= set(names)
    supervisor = said.rows[names.index("supervisor")]
    assert (supervisor["level"], supervisor["remedy"]) == ("warn", "deeprl resume CP_wide/0")
    assert not list(root.glob(".doctor*"))


def test_doctor_fails_on_a_bad_file(project: Path, deeprl: Deeprl) -> None:
    """A broken experiments.toml is a failure with its remedy, exit code 1."""
    (project / "experiments.toml").write_text(BAD)
    said = deeprl("doctor", "--quick")
    assert said.code == 1
    assert "fail\texperiments\texperiments.toml: 2 errors\tdeeprl check shows them" in said.lines


def test_doctor_knows_a_network_folder(tmp_path: Path) -> None:
    """The file system of a folder is that of the deepest mount above it."""
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"disk / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\nother {tmp_path}/b ext4 rw 0 0\n"
    )
    assert doctor_module.filesystem(tmp_path / "a", mounts) == "nfs4"


def test_schema_is_json(deeprl: Deeprl) -> None:
    """The schema needs no project."""
    assert json.loads(deeprl("schema").out)["type"] == "object"


def test_help_has_examples_and_exit_codes(deeprl: Deeprl) -> None:
    """`deeprl` alone shows the help, within 80 columns and without boxes."""
    said = deeprl()
    assert said.code == 0
    assert "Examples:" in said.out
    assert "Exit codes:" in said.out
    assert all(len(line) <= 80 for line in said.lines)
    assert "─" not in said.out


def test_version(deeprl: Deeprl) -> None:
    """The version is one line."""
    assert deeprl("--version").out.startswith("deeprl ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_writes_a_script(deeprl: Deeprl, shell: str) -> None:
    """Each shell gets its script."""
    assert "deeprl" in deeprl("completion", shell).out


def test_init_writes_a_good_file_once(folder: Path, deeprl: Deeprl) -> None:
    """A newcomer starts from it; a file that is there is never overwritten."""
    assert deeprl("init").code == 0
    assert deeprl("check").out.startswith("experiments.toml: ok, 3 experiments")
    before = (folder / "experiments.toml").read_bytes()
    again = deeprl("init")
    assert again.code == 5
    assert "is there already" in again.err
    assert (folder / "experiments.toml").read_bytes() == before
