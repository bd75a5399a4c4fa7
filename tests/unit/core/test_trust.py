"""The record of trusted code."""

from pathlib import Path

import pytest

from deeprl_tui.core.trust import TrustRecord, digest, record_file
from deeprl_tui.errors import DeeprlError

CODE = Path("/project/mine.py")
ONE, TWO = digest(b"one"), digest(b"two")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "trust.json"


def test_nothing_is_trusted_at_first(file: Path) -> None:
    """Without a record every file is new."""
    assert TrustRecord(file).state(CODE, ONE) == "new"


def test_a_file_is_trusted_with_its_bytes_only(file: Path) -> None:
    """The same file with other bytes is asked about again, by every later process too."""
    TrustRecord(file).add({CODE: ONE})
    assert TrustRecord(file).state(CODE, ONE) == "trusted"
    assert TrustRecord(file).state(CODE, TWO) == "changed"


def test_a_file_is_trusted_at_its_place_only(file: Path) -> None:
    """A copy of it in another project is new."""
    TrustRecord(file).add({CODE: ONE})
    assert TrustRecord(file).state(Path("/elsewhere/mine.py"), ONE) == "new"


def test_two_processes_that_add_at_once_lose_nothing(file: Path) -> None:
    """Each adds to what the file says, not to what it read long ago."""
    first, second = TrustRecord(file), TrustRecord(file)
    first.add({CODE: ONE})
    second.add({Path("/project/other.py"): TWO})
    assert TrustRecord(file).state(CODE, ONE) == "trusted"


def test_only_its_user_can_read_or_write_it(file: Path) -> None:
    """0600 in a folder of 0700."""
    TrustRecord(file).add({CODE: ONE})
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"format": 1}', '{"format": 99, "files": {}}', '{"format": 1, "files": 3}']
)
def test_a_record_that_is_none_trusts_nothing(file: Path, damage: str) -> None:
    """It is written anew with the next answer."""
    TrustRecord(file).add({CODE: ONE})
    file.write_text(damage)
    assert TrustRecord(file).state(CODE, ONE) == "new"


def test_a_record_that_others_may_write_trusts_nothing(file: Path) -> None:
    """Somebody else could have answered."""
    TrustRecord(file).add({CODE: ONE})
    file.chmod(0o666)
    assert TrustRecord(file).state(CODE, ONE) == "new"


def test_a_record_behind_a_link_trusts_nothing(file: Path) -> None:
    """A link could point to somebody else's record."""
    TrustRecord(file).add({CODE: ONE})
    moved = file.rename(file.with_name("moved"))
    file.symlink_to(moved)
    assert TrustRecord(file).state(CODE, ONE) == "new"


def test_a_place_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """It names the file and what to do."""
    (tmp_path / "state").write_text("a file in the way")
    with pytest.raises(DeeprlError, match="set XDG_STATE_HOME"):
        TrustRecord(tmp_path / "state" / "trust.json").add({CODE: ONE})


def test_it_is_kept_where_state_is_kept(tmp_path: Path) -> None:
    """In XDG_STATE_HOME, which counts only if it is absolute."""
    assert record_file({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "deeprl-tui" / "trust.json"
    assert record_file({"XDG_STATE_HOME": "here"}).parts[-4:-1] == (".local", "state", "deeprl-tui")
