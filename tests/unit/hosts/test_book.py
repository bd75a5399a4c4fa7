"""Hosts that commands added."""

from pathlib import Path

import pytest

from deeprl_tui.config import Host
from deeprl_tui.core.layout import RootPaths
from deeprl_tui.errors import ConfigError, RefusedError, UnknownNameError
from deeprl_tui.hosts import book


def test_add_and_remove(tmp_path: Path) -> None:
    """A host that was added is known until it is removed."""
    host = Host("vm", "me@10.0.0.5", cores=4, price=0.5)
    book.add(tmp_path, host)
    assert book.known_hosts(tmp_path, {}) == {"vm": host}
    book.remove(tmp_path, "vm", {})
    assert book.known_hosts(tmp_path, {}) == {}


def test_container(tmp_path: Path) -> None:
    """One with an image is kept with it, and an image that cannot be is refused."""
    host = Host("vm", "vm", image="ghcr.io/me/deeprl:1", engine="podman")
    book.add(tmp_path, host)
    assert book.known_hosts(tmp_path, {}) == {"vm": host}
    with pytest.raises(ConfigError, match="image"):
        book.add(tmp_path, Host("vm", "vm", image="-v /:/x"))


def test_the_file_wins(tmp_path: Path) -> None:
    """A host of experiments.toml is not changed or removed by a command."""
    listed = {"vm": Host("vm", "other")}
    book.add(tmp_path, Host("vm", "mine"))
    assert book.known_hosts(tmp_path, listed) == listed
    with pytest.raises(RefusedError, match=r"stands in experiments\.toml"):
        book.remove(tmp_path, "vm", listed)


def test_bad_host(tmp_path: Path) -> None:
    """What could not stand in the file cannot be added."""
    with pytest.raises(ConfigError, match="address"):
        book.add(tmp_path, Host("vm", "-oProxyCommand=x"))
    with pytest.raises(UnknownNameError):
        book.remove(tmp_path, "vm", {})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"hosts": 3}', '{"hosts": {"vm": {"address": "-x"}}}'])
def test_damaged(tmp_path: Path, text: str) -> None:
    """A damaged book knows nobody, and can be written again."""
    RootPaths(tmp_path).host_book.write_text(text)
    assert book.known_hosts(tmp_path, {}) == {}
    book.add(tmp_path, Host("vm", "vm"))
    assert set(book.known_hosts(tmp_path, {})) == {"vm"}


@pytest.mark.parametrize(
    ("address", "name"),
    [("me@vm-1.example.com", "vm-1"), ("10.0.0.5", "host"), ("local", "host"), ("taken", "taken-2")],
)
def test_names(address: str, name: str) -> None:
    """A host is called by the first label of its address, unless that says nothing or is taken."""
    assert book.name_for(address, {"taken": Host("taken", "taken")}) == name
