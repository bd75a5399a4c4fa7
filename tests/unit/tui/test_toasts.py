"""Which messages are shown, and what they say."""

from deeprl_tui.core.spec import RunId
from deeprl_tui.monitor.news import Kind, Notice
from deeprl_tui.tui.toasts import STAYS_S, TOGETHER_S, Shelf


def notice(kind: Kind, seed: int = 0, name: str = "LL_gc10", text: str = "") -> Notice:
    """News of a run."""
    return Notice(kind, 0.0, text or kind, RunId(name, seed))


def texts(shelf: Shelf) -> list[str]:
    """What is to be seen."""
    return [toast.text for toast in shelf.shown()]


def test_one_run_is_named_with_what_happened() -> None:
    """Glyph, run, words."""
    shelf = Shelf()
    shelf.add([notice("failed", 3, text="failed at step 42: loss is NaN")], 0.0)
    assert texts(shelf) == ["✗ LL_gc10/3 failed at step 42: loss is NaN\n  ! shows it"]


def test_several_of_a_kind_within_ten_seconds_are_one() -> None:
    """Also when they come one after the other; after ten seconds a new message begins."""
    shelf = Shelf()
    shelf.add([notice("finished", 0), notice("finished", 1)], 0.0)
    shelf.add([notice("finished", 2)], TOGETHER_S)
    assert texts(shelf) == ["✓ 3 runs of LL_gc10 finished"]
    shelf.add([notice("finished", 3, "AB")], TOGETHER_S + 0.1)
    assert texts(shelf)[1:] == ["✓ AB/3 finished"]


def test_several_experiments_are_counted() -> None:
    """And of failures the last is named, with its reason."""
    shelf = Shelf()
    shelf.add([notice("failed", 0, "A", "failed: x"), notice("failed", 1, "B", "failed: y")], 0.0)
    assert texts(shelf) == ["✗ 2 runs of 2 experiments failed\nB/1 failed: y"]


def test_success_goes_and_trouble_stays() -> None:
    """What went wrong stays until it was seen."""
    shelf = Shelf()
    shelf.add([notice("finished"), notice("failed"), notice("stalled"), notice("collapsed")], 0.0)
    shelf.expire(STAYS_S)
    assert [toast.kind for toast in shelf.toasts] == ["failed", "stalled", "collapsed"]
    shelf.expire(1e6)
    assert len(shelf.toasts) == 3


def test_three_are_shown_and_what_passes_makes_room() -> None:
    """A fourth message pushes out the oldest that is no trouble."""
    shelf = Shelf()
    shelf.add([notice("failed")], 0.0)
    for number in range(4):
        shelf.tell(f"told {number}", 0.0)
    assert texts(shelf) == ["✗ LL_gc10/0 failed\n  ! shows it", "told 2", "told 3"]


def test_trouble_waits_for_room() -> None:
    """Nothing that went wrong is dropped; the oldest shown says how many wait."""
    shelf = Shelf()
    for number in range(5):
        shelf.tell(f"bad {number}", 0.0, error=True)
    assert texts(shelf) == ["bad 2\n2 older messages wait: esc clears", "bad 3", "bad 4"]
    shelf.close(shelf.toasts[-1].number)
    assert texts(shelf)[0] == "bad 1\n1 older message waits: esc clears"


def test_looking_at_the_run_is_seeing_its_message() -> None:
    """A message about other runs as well stays."""
    shelf = Shelf()
    shelf.add([notice("failed", 0), notice("collapsed", 0), notice("collapsed", 1)], 0.0)
    shelf.seen(RunId("LL_gc10", 0))
    assert [toast.kind for toast in shelf.toasts] == ["collapsed"]


def test_hostile_words_are_cleaned() -> None:
    """An error of a worker may hold anything."""
    shelf = Shelf()
    shelf.add([notice("failed", text="\x1b]0;x\x07[@click=app.quit]boo[/]\nmore")], 0.0)
    assert texts(shelf) == ["✗ LL_gc10/0 ·]0;x·[@click=app.quit]boo[/]·more\n  ! shows it"]


def test_hosts_have_their_names() -> None:
    """One, and two together."""
    shelf = Shelf()
    shelf.add([Notice("lost", 0.0, "is lost: no answer", host="vm-1")], 0.0)
    assert texts(shelf) == ["✗ vm-1 is lost: no answer"]
    shelf.add([Notice("lost", 0.0, "is lost: no answer", host="vm-2")], 1.0)
    assert texts(shelf) == ["✗ vm-1, vm-2: are lost"]
