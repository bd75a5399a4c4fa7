"""A run's events in words, what it printed, its files."""

from pathlib import Path

from support import WALL, make_run, spec, start, training, write

from deeprl_tui.core.events import Backend, Checkpoint, End, Eval, Resume, Warn
from deeprl_tui.runs.history import EventReader, PrintReader, files_of, traceback_of


def test_the_story_of_a_run(tmp_path: Path) -> None:
    """Each kind of event is one line, episodes a hundred at a time, times on the run's wall clock."""
    description = spec(solved=60.0)
    paths = make_run(
        tmp_path,
        description,
        [
            (0.0, start()),
            (0.0, Backend("c avx2", "fits")),
            *training(120),
            (121.0, Eval(1200, (10.0, 20.0), (1, 2), True)),
            (122.0, Checkpoint(1200, 120, 2_000_000, 0.5)),
            (123.0, Warn("slow")),
            (124.0, End(WALL + 124, "stopped", 1200, "stop by request")),
        ],
    )
    told = EventReader(paths, description).read()
    assert [(one.kind, one.text, one.step) for one in told] == [
        ("queued", "launched", None),
        ("started", "attempt 1 on here, core 1, pid 4711", None),
        ("computes", "c avx2: fits", None),
        ("episodes", "1–100: return 50.5 (1 to 100), length 10", 1000),
        ("solved", "mean of 100 episodes reached 60", 1100),
        ("eval", "15 over 2 episodes (10 to 20), the best so far", 1200),
        ("checkpoint", "2.0 MB in 0.5 s", 1200),
        ("warned", "slow", None),
        ("episodes", "101–120: return 110.5 (101 to 120), length 10", 1200),
        ("stopped", "stop by request", 1200),
    ]
    assert told[5].at == WALL + 121


def test_a_second_attempt_goes_on(tmp_path: Path) -> None:
    """Reading again takes what is new, also of a later attempt."""
    description = spec()
    paths = make_run(tmp_path, description, [(0.0, start()), *training(10)])
    reader = EventReader(paths, description)
    assert reader.read()[-1].kind == "started"
    write(paths, 2, [(10.0, start(2, WALL + 50)), (10.0, Resume(100, 10, False, "another machine"))])
    assert [(one.at, one.text) for one in reader.read()[-2:]] == [
        (WALL + 50, "attempt 2 on here, core 1, pid 4711"),
        (WALL + 50, "goes on, not to the bit: another machine"),
    ]


def test_printed_lines_follow(tmp_path: Path) -> None:
    """A line that is not whole yet is shown, and completed at the next look."""
    file = tmp_path / "worker.log"
    reader = PrintReader(file)
    assert reader.read() == []
    file.write_bytes(b"one\ntw")
    assert reader.read() == ["one", "tw"]
    with open(file, "ab") as more:
        more.write(b"o\n\xffthree\n")
    assert reader.read() == ["one", "two", "\ufffdthree"]


def test_a_log_that_was_replaced_begins_anew(tmp_path: Path) -> None:
    """A shorter file is another file."""
    file = tmp_path / "worker.log"
    file.write_text("long line\n" * 9)
    reader = PrintReader(file)
    reader.read()
    file.write_text("short\n")
    assert reader.read() == ["short"]


PRINTED = """\
hello
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    f()
ValueError: first

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in g
    raise KeyError("x")
KeyError: 'x'
""".splitlines()


def test_the_whole_chain_of_a_traceback() -> None:
    """The last traceback and those it came from, without what was printed before."""
    assert traceback_of(PRINTED) == PRINTED[1:]


def test_an_older_traceback_is_not_the_reason() -> None:
    """Of two that have nothing to do with each other the last counts."""
    assert traceback_of([*PRINTED[:5], "trained on", *PRINTED[8:]]) == PRINTED[8:]


def test_no_traceback() -> None:
    """A log without one gives nothing."""
    assert traceback_of(["Traceback of nothing"]) == []


def test_files_with_what_they_are(tmp_path: Path) -> None:
    """What one asks for first; links are left out."""
    paths = make_run(tmp_path, spec(), [(0.0, start())])
    paths.checkpoint.write_bytes(b"x" * 10)
    paths.best_model.write_bytes(b"x" * 20)
    (paths.folder / "link.zip").symlink_to("/etc/passwd")
    found = files_of(paths, "CartPole-v1", checkpoint=900, best=500)
    facts = [(one.path.name, one.what, one.step) for one in found]
    assert facts[:2] == [("best_model.zip", "best policy", 500), ("checkpoint", "newest checkpoint", 900)]
    assert ("events-1.jsonl", "log of attempt 1", None) in facts
    assert "link.zip" not in {name for name, _, _ in facts}
