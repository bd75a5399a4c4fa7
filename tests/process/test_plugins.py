"""A project's own code, as a user runs it: refused, trusted, trained, changed, refused, trusted."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from process_lab import Lab

from deeprl_tui import ops
from deeprl_tui.core import state

pytestmark = pytest.mark.timeout(240)

README = (Path(__file__).parents[2] / "agents" / "README.md").read_text()
ALL = ("CP_recent", "CP_gated", "CP_centered", "corridor")


@pytest.fixture
def own(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The project of the README, word for word; its user trusts nothing yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (toml,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    lab.file.write_text(toml)
    for name, text in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", README, re.DOTALL):
        (lab.file.parent / name).write_text(text)
    return lab


def deeprl(lab: Lab, *arguments: str) -> tuple[int, str]:
    """Run a command in the project's folder: exit code, and all that it said."""
    done = subprocess.run(
        [sys.executable, "-m", "deeprl_tui", *arguments],
        cwd=lab.file.parent,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_example_of_the_readme_trains(own: Lab) -> None:
    """Buffer, network, wrapper and environment, by name, in one headless batch."""
    assert deeprl(own, "trust", "--yes")[0] == 0
    code, said = deeprl(own, "run", *ALL, "--headless")
    assert code == 0, said
    views = ops.views_of(own.root)
    assert {view.id.experiment for view in views.values()} == set(ALL)
    assert all(isinstance(view.state, state.Finished) for view in views.values())


def test_code_is_refused_until_it_is_trusted_and_again_after_a_change(own: Lab) -> None:
    """The whole story, with the buffer."""
    short = ("run", "CP_recent", "--set", "total_timesteps=1200", "--headless")
    told = [deeprl(own, *short)]
    told.append(deeprl(own, "trust", "my_buffer"))
    told.append(deeprl(own, *short))
    with open(own.file.parent / "my_buffer.py", "a") as file:
        file.write("# changed\n")
    told.append(deeprl(own, *short))
    told.append(deeprl(own, "trust", "my_buffer"))
    told.append(deeprl(own, *short))
    told.append(deeprl(own, *short, "--fresh"))
    assert [code for code, _ in told] == [5, 0, 0, 5, 0, 5, 0], told
    assert "my_buffer.py: is not trusted yet" in told[0][1]
    assert "my_buffer.py: was changed since you trusted it" in told[3][1]
    assert "was already run with other settings (my_buffer.py" in told[5][1]
