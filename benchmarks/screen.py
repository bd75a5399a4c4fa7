"""What the screen costs: charts, tables, the whole dashboard, a key, the first frame.

    .venv/bin/python benchmarks/screen.py                     all; about 15 minutes
    .venv/bin/python benchmarks/screen.py --only dashboard    one part: charts, tables, dashboard
    .venv/bin/python benchmarks/screen.py --contenders VENV   with textual-plot and plotext from this venv

Without `--contenders` a venv with both is made in a temporary folder. Each figure is of a process of its own,
one after the other on one core; CPU times are medians of 15 frames (fewer for what takes long).
"""

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
import venv
from pathlib import Path

HERE = Path(__file__).parent
CONTENDER, APP = HERE / "screen_contender.py", HERE / "screen_app.py"
OTHERS = ("textual-plot", "textual-plot-thin", "plotext", "plotext-thin")
NEEDED = ("textual-plot==0.10.1", "plotext==5.3.2")  # plotext 6 has another interface
CURVES, SAMPLES = (1, 8, 32), (1_000, 10_000, 100_000, 1_000_000)
LIMIT_S = 90.0
"""A contender that takes longer than this for its measurement is not waited for."""
SIZE = (36, 120)
WATCHED_S = 30.0
KEYS = 40


def measure(python: str, *words: object) -> float | None:
    """CPU milliseconds of one contender; None if it takes too long."""
    command = [python, str(CONTENDER), *map(str, words)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    except subprocess.TimeoutExpired:
        return None
    return float(done.stdout)


def contenders(folder: Path) -> str:
    """Make a venv with the others and return its Python."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy", *NEEDED], check=True)
    return python


def charts(python: str) -> None:
    """CPU of a frame, and how many times that of ours the others take."""
    print("\nCPU of a 100x30 frame in which all curves are new, ms; ours with bands, the others lines only\n")
    print("| curves | samples each | frame | in an app |", " | ".join(f"{kind}, x" for kind in OTHERS), "|")
    print("|---|---|---|---|" + "---|" * len(OTHERS), flush=True)
    for curves in CURVES:
        for samples in SAMPLES:
            frame = measure(sys.executable, "chart", "deeprl-frame", curves, samples)
            app = measure(sys.executable, "chart", "deeprl", curves, samples)
            assert frame is not None
            assert app is not None
            told = []
            for kind in OTHERS:
                found = measure(python, "chart", kind, curves, samples)
                base = app if kind.startswith("textual") else frame
                told.append(f"over {1000 * LIMIT_S / base:.0f}" if found is None else f"{found / base:.1f}")
            print(f"| {curves} | {samples:,} | {frame:.1f} | {app:.1f} |", " | ".join(told), "|", flush=True)


def tables() -> None:
    """CPU of one changed cell."""
    print("\nCPU of one changed cell of a table of ten columns, ms\n")
    print("| rows | ours | DataTable | x |\n|---|---|---|---|", flush=True)
    for rows in (64, 10_000):
        ours, theirs = (measure(sys.executable, "table", kind, rows) for kind in ("live-table", "data-table"))
        assert ours is not None
        assert theirs is not None
        print(f"| {rows:,} | {ours:.1f} | {theirs:.1f} | {theirs / ours:.0f} |", flush=True)


class Terminal:
    """An app in a pseudo terminal."""

    def __init__(self, *words: object) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        environment = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "DEEPRL_PREFS": "off",
        }
        environment.pop("NO_COLOR", None)
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, str(APP), *map(str, words)],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def read(self, seconds: float) -> bytes:
        """What comes within a time; as soon as something comes, only that."""
        if select.select([self._master], [], [], seconds)[0]:
            return os.read(self._master, 1 << 16)
        return b""

    def drain(self, seconds: float) -> int:
        """Read for a time; how many bytes came."""
        end, many = time.perf_counter() + seconds, 0
        while (left := end - time.perf_counter()) > 0:
            many += len(self.read(left))
        return many

    def until(self, text: bytes) -> float:
        """Milliseconds from the start to a text."""
        seen = b""
        while text not in seen:
            data = self.read(20.0)
            assert data, f"waited 20 s for {text!r}"
            seen += data
        return 1000 * (time.perf_counter() - self.began)

    def key(self, key: bytes) -> float:
        """Milliseconds from a key to the last byte of what it changed."""
        start = last = time.perf_counter()
        os.write(self._master, key)
        while self.read(0.5 if last == start else 0.03):
            last = time.perf_counter()
        assert last > start, f"{key!r} changed nothing"
        return 1000 * (last - start)

    def cpu(self) -> float:
        """CPU seconds of the app so far."""
        with open(f"/proc/{self._process.pid}/stat") as file:
            words = file.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        while self._process.poll() is None:
            try:
                self.read(0.1)
            except OSError:
                break
        self._process.wait()
        os.close(self._master)


def share(*words: object) -> tuple[float, float]:
    """Share of a core of an app that is left alone, in percent, and the kB per second that it writes."""
    terminal = Terminal(*words)
    terminal.until(b"Experiments" if words[0] == "bare" else b"running ")
    terminal.drain(8.0)
    before = terminal.cpu()
    many = terminal.drain(WATCHED_S)
    used = terminal.cpu() - before
    terminal.close()
    return 100 * used / WATCHED_S, many / WATCHED_S / 1000


def dashboard(folder: Path) -> None:
    """The whole dashboard in a pseudo terminal of 120x36."""
    print("\nThe dashboard, 50 runs of 10 experiments, 13 seeds train on 24 cores, 120x36\n")
    print("| what | figure |\n|---|---|", flush=True)
    for name, words in (
        ("CPU with a picture a second", ("live", folder)),
        ("CPU with nothing new", ("still", folder)),
        ("CPU of a bare Textual app", ("bare",)),
    ):
        used, written = share(*words)
        print(f"| {name} | {used:.2f} % of a core, {written:.1f} kB/s |", flush=True)
    for name, words in (("training goes on", ("live", folder)), ("nothing new", ("still", folder))):
        terminal = Terminal(*words)
        terminal.until(b"running ")
        terminal.drain(6.0)
        found = []
        for turn in range(KEYS):
            found.append(terminal.key(b"k" if turn % 8 >= 4 else b"j"))
            terminal.drain(0.11)
        terminal.close()
        high = sorted(found)[int(0.95 * len(found))]
        middle = statistics.median(found)
        print(f"| key to painted frame, {name} | median {middle:.0f} ms, 95 % {high:.0f} ms |", flush=True)
    first: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(5):
        for name, words in (("ours", ("empty", folder)), ("bare", ("bare",))):
            terminal = Terminal(*words)
            first[name].append(terminal.until(b"Experiments"))
            terminal.drain(0.5)
            terminal.close()
    ours, theirs = (statistics.median(first[name]) for name in ("ours", "bare"))
    print(f"| first frame | {ours:.0f} ms, {ours / theirs:.2f} x a bare Textual app ({theirs:.0f} ms) |")


def main() -> None:
    """Print the tables."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--only", choices=("charts", "tables", "dashboard"))
    words.add_argument("--contenders", type=Path, metavar="VENV")
    wish = words.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if wish.only in (None, "dashboard"):
            dashboard(folder / "project")
        if wish.only in (None, "tables"):
            tables()
        if wish.only in (None, "charts"):
            known = wish.contenders
            charts(str(known / "bin" / "python") if known else contenders(folder / "venv"))


if __name__ == "__main__":
    main()
