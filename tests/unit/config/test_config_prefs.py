"""Preferences and sessions: what is kept between two starts."""

import json
from pathlib import Path

import pytest

from deeprl_tui.config.prefs import PREFS, Preferences, Session, Store

PROJECT = Path("/somewhere/experiments.toml")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "config", tmp_path / "state")


def test_without_a_file_there_are_defaults(store: Store) -> None:
    """A first start says nothing and writes nothing."""
    assert store.load() == (Preferences(), "")
    assert store.load_session(PROJECT) == (Session(), "")
    assert not store.config.exists()


@pytest.mark.parametrize("key", PREFS)
def test_every_preference_comes_back(store: Store, key: str) -> None:
    """What was saved is what is loaded, for each key and each of its values."""
    values = [value for value, _ in PREFS[key].choices] or ["https://example.org/hook", ""]
    for value in values:
        wanted = Preferences().set(key, value)
        store.save(wanted)
        assert store.load() == (wanted, "")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"theme = ", b"[theme]\n" * 2, b"\0" * 99, b"[" * 100_000])
def test_damaged_preferences_give_defaults_and_a_warning(store: Store, data: bytes) -> None:
    """A file that is no TOML stops nothing."""
    store.config.mkdir()
    store.file.write_bytes(data)
    found, warning = store.load()
    assert found == Preferences()
    assert "is not used" in warning


def test_a_value_out_of_range_gives_its_default(store: Store) -> None:
    """One bad value costs one default; the others hold."""
    store.config.mkdir()
    store.file.write_text('theme = "pink"\nband = "ci95"\nsmoothing = true\nlater = 1\n')
    found, warning = store.load()
    assert found == Preferences(band="ci95")
    assert "theme cannot be pink" in warning


def test_a_session_comes_back(store: Store) -> None:
    """Of its own project only."""
    left = Session("results", {"dashboard": {"marks": ["a"], "metric": 2}})
    store.save_session(PROJECT, left)
    assert store.load_session(PROJECT) == (left, "")
    assert store.load_session(Path("/elsewhere/experiments.toml")) == (Session(), "")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"\xff", b'{"format": 1, "project": 3}', b"[" * 100_000])
def test_a_damaged_session_begins_anew(store: Store, body: bytes) -> None:
    """The dashboard then opens as at the first start."""
    file = store.session_file(PROJECT)
    file.parent.mkdir(parents=True)
    file.write_bytes(body)
    assert store.load_session(PROJECT)[0] == Session()


def test_a_session_of_another_format_is_left_alone(store: Store) -> None:
    """A later version's file is not damaged, only not ours."""
    file = store.session_file(PROJECT)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"format": 99}))
    assert store.load_session(PROJECT) == (Session(), "")


def test_a_pipe_in_place_of_a_file_is_not_waited_for(store: Store) -> None:
    """Reading never hangs."""
    import os

    store.config.mkdir()
    os.mkfifo(store.file)
    assert store.load()[0] == Preferences()


def test_a_save_that_fails_keeps_the_file(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file is whole until the new one is."""
    store.save(Preferences(theme="day"))
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        store.save(Preferences(theme="night"))
    monkeypatch.undo()
    assert store.load() == (Preferences(theme="day"), "")


def test_switched_off() -> None:
    """DEEPRL_PREFS=off: nothing is read or written."""
    assert Store.of({"DEEPRL_PREFS": "off"}) is None


def test_the_places_are_those_of_the_desktop(tmp_path: Path) -> None:
    """XDG_CONFIG_HOME and XDG_STATE_HOME, if they are absolute."""
    found = Store.of({"XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_STATE_HOME": "relative"})
    assert found is not None
    assert found.config == tmp_path / "c" / "deeprl-tui"
    assert found.state == Path.home() / ".local/state/deeprl-tui"


def test_a_webhook_is_an_address() -> None:
    """Anything else is refused before it is kept."""
    with pytest.raises(ValueError, match="webhook"):
        Preferences().set("webhook", "file:///etc/passwd")
