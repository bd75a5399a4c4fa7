"""Hosts by name and pattern."""

from pathlib import Path

import pytest

from deeprl_tui.config import Host
from deeprl_tui.errors import UnknownNameError
from deeprl_tui.ops.remote import Hosts

NAMES = ("lab", "vm-10", "vm-2", "vm-1")


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    """Four hosts, none connected."""
    return Hosts(tmp_path, "p", {name: Host(name, name) for name in NAMES})


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["vm-2", "lab"], ["vm-2", "lab"]),
        (["vm-*"], ["vm-1", "vm-2", "vm-10"]),
        (["vm-2", "*"], ["vm-2", "lab", "vm-1", "vm-10"]),
        (["local", "vm-?"], ["local", "vm-1", "vm-2"]),
        ([], []),
    ],
)
def test_names_and_patterns(hosts: Hosts, patterns: list[str], chosen: list[str]) -> None:
    """Each once, in the order in which they were named, those of a pattern as people count."""
    assert hosts.chosen(patterns, here=True) == chosen


@pytest.mark.parametrize("pattern", ["vn-1", "vm-3*", "local"])
def test_nobody_of_that_name(hosts: Hosts, pattern: str) -> None:
    """It is an error with the nearest name, and this machine is only meant where it may be."""
    with pytest.raises(UnknownNameError) as caught:
        hosts.chosen([pattern])
    assert caught.value.place == pattern
    assert ("vm-1" if pattern == "vn-1" else "") in caught.value.remedy
