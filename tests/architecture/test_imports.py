"""What each entry point loads, seen in clean interpreters: a static graph cannot see deferred imports."""

import json
from pathlib import Path

import pytest
from support import make_run, run_python, spec, start, training

HEAVY = {"torch", "stable_baselines3", "gymnasium", "numpy", "pandas", "multiprocess", "asyncssh"}


def loaded(module: str) -> set[str]:
    """Top-level names in sys.modules after an import."""
    code = f"import json, sys, {module}; print(json.dumps(list(sys.modules)))"
    return {name.split(".")[0] for name in json.loads(run_python(code))}


def test_the_protocol_needs_only_the_standard_library() -> None:
    """A worker shares it, and a host without screens reads logs with it."""
    assert not loaded("deeprl_tui.core.fold") & (HEAVY | {"textual", "rich", "typer"})


def test_the_operations_need_no_screen_and_no_learner() -> None:
    """Both front ends stand on them."""
    assert not loaded("deeprl_tui.ops") & (HEAVY | {"textual", "rich", "typer"})


def test_the_command_line_loads_no_screen_and_no_learner() -> None:
    """`deeprl ls` answers at once."""
    assert not loaded("deeprl_tui.cli.main") & (HEAVY | {"textual"})


def test_a_host_that_is_watched_loads_little() -> None:
    """It answers in a quarter of the time that the command line takes."""
    code = "import sys, deeprl_tui.__main__, deeprl_tui.ops.serving; print(*sys.modules)"
    heavy = {"typer", "deeprl_tui.cli.main", "deeprl_tui.config", "deeprl_tui.core.fold"}
    assert not heavy & set(run_python(code).split())


def test_listing_runs_loads_no_numpy(tmp_path: Path) -> None:
    """Statistics do, but `deeprl ls` needs none."""
    make_run(tmp_path, spec(), [(0.0, start()), *training(3)])
    code = (
        "import sys; from deeprl_tui.cli.main import call; call(sys.argv[1:]); print('numpy' in sys.modules)"
    )
    assert run_python(code, "ls", "--runs", str(tmp_path)).split()[-1] == "False"


@pytest.mark.parametrize("module", ["deeprl_tui.tui.main", "deeprl_tui.tui.app"])
def test_the_dashboard_loads_no_learner(module: str) -> None:
    """torch alone would cost ten dashboards."""
    assert not loaded(module) & (HEAVY | {"typer"})


def test_the_supervisor_loads_no_learner() -> None:
    """Its fork server does; the supervisor itself stays small."""
    assert not loaded("deeprl_tui.supervisor.loop") & {"torch", "stable_baselines3", "gymnasium", "textual"}


def test_operations_are_loaded_when_they_are_asked_for() -> None:
    """Every name that the package promises is there, and none is loaded before."""
    code = (
        "import sys; from deeprl_tui import ops; "
        "early = [name for name in sys.modules if name.startswith('deeprl_tui.ops.')]; "
        "print(early, all(callable(getattr(ops, name)) or name == 'RUNS' for name in ops._HOME))"
    )
    assert run_python(code).split("\n")[0] == "[] True"
