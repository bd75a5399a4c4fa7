"""Every faulty file in tests/data/config is reported with exactly the messages that stand beside it."""

from pathlib import Path

import pytest

from deeprl_tui import config

DATA = Path(__file__).parents[2] / "data" / "config"
FILES = sorted(path.stem for path in DATA.glob("*.toml"))


def messages(name: str) -> list[str]:
    checked = config.check_bytes((DATA / f"{name}.toml").read_bytes(), f"{name}.toml")
    return [f"error   {one}" for one in checked.errors] + [f"warning {one}" for one in checked.warnings]


@pytest.mark.parametrize("name", FILES)
def test_messages_of_a_faulty_file(name: str) -> None:
    """A faulty file is reported with these messages, these lines, and no others."""
    assert messages(name) == (DATA / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize("name", ["equal_content", "name_contradicts", "width_typo"])
def test_a_doubtful_file_can_still_run(name: str) -> None:
    """Warnings keep nothing from running and stay with the project."""
    checked = config.check_bytes((DATA / f"{name}.toml").read_bytes())
    assert checked.project is not None
    assert checked.project.warnings == checked.warnings


def test_every_message_ends_on_one_line() -> None:
    """Text from a file brings neither line breaks nor escape sequences into a message."""
    assert all(message.isprintable() for name in FILES for message in messages(name))
