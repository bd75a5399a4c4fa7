"""The notebook of the image: its cells run on real tables, and it is kept without results."""

import json
import sys
from pathlib import Path

import pytest
from support import make_run, run_python, spec, start, training

from deeprl_tui import ops

NOTEBOOK = Path(__file__).parents[3] / "docker" / "results.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]


def test_it_is_kept_without_results() -> None:
    """They would be somebody's, and change at each look."""
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in CELLS if "outputs" in cell)


def test_its_cells_run_on_a_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seeds; what the last cells have made is told."""
    for seed in (0, 1):
        make_run(tmp_path / ops.RUNS, spec(seed=seed), [(0.0, start()), *training(30)])
    monkeypatch.setenv("DEEPRL_DATA", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    code = "\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code")
    told = "print(sorted(runs['run']), len(episodes), plt.get_fignums())"
    assert run_python(f"{code}\n{told}").splitlines()[-1] == "['CP_basic/0', 'CP_basic/1'] 60 [1]"
