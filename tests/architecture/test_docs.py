"""What the documents say is so."""

import re
import tomllib
from pathlib import Path

from typer.main import get_command

from deeprl_tui import config
from deeprl_tui.cli.main import app
from deeprl_tui.core.state import STATES, word

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


def test_every_command_is_in_the_readme() -> None:
    """A user finds all verbs there; a hidden one is for programs."""
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    shown = [verb for verb, command in verbs.items() if not command.hidden]
    assert [verb for verb in shown if not re.search(rf"\b{verb}\b", README)] == []


def test_every_file_that_the_documents_point_to_is_there() -> None:
    """Links and pictures."""
    links = re.findall(r"\]\(([^)#:]+)\)", README + ARCHITECTURE + (ROOT / "CONTRIBUTING.md").read_text())
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_test_that_the_table_of_failures_names_is_there() -> None:
    """Functions and files."""
    table = (ROOT / "tests" / "remote" / "README.md").read_text()
    named = set(re.findall(r"`(?:tests/\w+/)?(test_\w+)(?:\.py)?`", table))
    files = list((ROOT / "tests").rglob("test_*.py"))
    there = {file.stem for file in files}
    for file in files:
        there.update(re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE))
    assert len(named) > 30
    assert named - there == set()


def test_every_example_of_the_readme_is_a_good_file() -> None:
    """Who copies it gets no error."""
    examples = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert examples
    for example in examples:
        tomllib.loads(example)
        assert config.check_bytes(example.encode()).errors == ()


def test_the_states_are_listed_in_the_architecture() -> None:
    """And no others."""
    (listed,) = re.findall(r"States, and no others: ([a-z, ]+)\.", ARCHITECTURE)
    assert set(listed.split(", ")) == {word(kind) for kind in STATES}


def test_the_tree_in_the_architecture_is_the_tree() -> None:
    """Every folder of the tool is named there."""
    folders = [path.parent.name for path in (ROOT / "deeprl_tui").glob("*/__init__.py")]
    assert [name for name in folders if f"{name}/" not in ARCHITECTURE] == []
