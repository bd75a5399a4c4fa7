"""run.json."""

import json
from dataclasses import replace

import pytest
from support import spec

from deeprl_tui.core.spec import RunId, RunSpec, differing, is_name
from deeprl_tui.errors import RunDirectoryError


def test_what_is_written_is_read() -> None:
    """A spec survives its file."""
    one = spec(solved=195.0)
    assert RunSpec.from_json(one.to_json()) == one


def test_the_digest_ignores_name_and_seed_and_sees_every_setting() -> None:
    """Runs of one experiment share it; a changed table does not."""
    assert spec("A", 0).digest == spec("B", 7).digest
    assert spec(gamma=0.9).digest != spec().digest


def test_an_edited_file_is_refused() -> None:
    """A run is what it says it is."""
    raw = json.loads(spec().to_json())
    raw["settings"]["gamma"] = 0.5
    with pytest.raises(RunDirectoryError, match="digest"):
        RunSpec.from_json(json.dumps(raw))


def test_a_newer_format_is_refused_with_the_remedy() -> None:
    """Old tools do not guess."""
    raw = json.loads(spec().to_json()) | {"format": 99}
    with pytest.raises(RunDirectoryError, match="upgrade"):
        RunSpec.from_json(json.dumps(raw))


@pytest.mark.parametrize(
    "rubbish", ["", "[]", "null", "{}", '{"format":"x"}', '{"format":1,"experiment":"../x"}', "\x00"]
)
def test_rubbish_is_a_clear_error(rubbish: str) -> None:
    """Never a traceback."""
    with pytest.raises(RunDirectoryError, match="not a run description"):
        RunSpec.from_json(rubbish)


@pytest.mark.parametrize("name", ["../x", "-rf", "a/b", "", "a b", "x.", "a..b", "x" * 200, "é", "a\n"])
def test_a_name_is_safe_as_folder_and_shell_word(name: str) -> None:
    """No path, no option, no blank."""
    assert not is_name(name)


def test_a_run_has_a_written_name() -> None:
    """experiment/seed, both ways."""
    assert RunId.parse("CP_basic+gamma=0.9/3") == RunId("CP_basic+gamma=0.9", 3)
    with pytest.raises(ValueError, match="not a run"):
        RunId.parse("CP_basic")


CODE = {"mine.py": "ab" * 32}


def test_code_survives_the_file() -> None:
    """A worker reads which bytes it may import."""
    one = replace(spec(), code=CODE)
    assert RunSpec.from_json(one.to_json()) == one


def test_the_digest_sees_the_code() -> None:
    """Other code trains otherwise, and a run without any has the digest that it always had."""
    assert replace(spec(), code=CODE).digest != spec().digest
    assert replace(spec(), code=CODE).digest != replace(spec(), code={"mine.py": "cd" * 32}).digest
    assert "code" not in json.loads(spec().to_json())


def test_a_setting_that_came_later_does_not_change_the_digest_of_older_runs() -> None:
    """At the value that trains as before, it counts as not there; at any other it counts."""
    assert spec(network="mlp", wrappers=[]).digest == spec().digest
    assert spec(network="own:Net").digest != spec().digest
    assert differing(spec().settings, spec(network="mlp").settings) == {}
