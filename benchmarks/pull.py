"""Files of one run from a host: all, the rest after a cut, what grew, nothing new.

    .venv/bin/python benchmarks/pull.py [--megabytes 100]

ssh is a program that stays here, so this machine digests both sides and no network is measured.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import pull_lab  # noqa: E402
from pull_lab import RUN  # noqa: E402

from deeprl_tui.hosts import ssh  # noqa: E402
from deeprl_tui.hosts.artefacts import Progress, Pull  # noqa: E402
from deeprl_tui.hosts.mirror import Mirror  # noqa: E402
from deeprl_tui.hosts.ssh import HostError  # noqa: E402
from deeprl_tui.monitor.line import Line  # noqa: E402


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=100)
    size = parser.parse_args().megabytes * 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        home, here = Path(folder) / "homes" / "vm", Path(folder) / "here"
        (home / ".deeprl").mkdir(parents=True)
        serve = home / ".deeprl" / "serve"
        serve.write_text(f"#!/bin/sh\nexec {sys.executable} -m deeprl_tui serve\n")
        serve.chmod(0o755)
        os.environ["DEEPRL_FAKE_HOMES"] = str(home.parent)
        away = pull_lab.Away(home / "study" / "runs")
        away.paths.buffer_log.write_bytes(os.urandom(1 << 20) * (2 * size >> 20))
        pull_lab.replace(away.paths.checkpoint, pull_lab.checkpoint(0, size, 200_000))
        pull_lab.mirrored(here, away)

        def pull(what: str, cut: int = 0) -> None:
            client = [sys.executable, str(ROOT / "tests" / "fake_ssh.py")]
            line = Line("vm", ssh.command("vm", client=client), {"folder": "~/study"})

            def say(at: Progress) -> None:
                if cut and at.done > cut:
                    raise HostError("cut", place="vm")

            mirror = Mirror(here, "vm")
            paths = dict(mirror.runs())[RUN]
            began, came = time.perf_counter(), cut
            try:
                line.ask("files", {"run": str(RUN)})
                began = time.perf_counter()
                came = Pull(mirror, RUN, paths, line.ask, say=say, keep_free=0)().bytes
            except HostError:
                pass
            finally:
                line.hang_up()
            seconds = time.perf_counter() - began
            print(f"{what:24}{came / 1e6:8.1f} MB {seconds:7.2f} s {came / 1e6 / seconds:7.0f} MB/s")

        pull("cut at a fifth", size // 5)
        pull("the rest")
        pull("nothing new")
        pull_lab.replace(away.paths.checkpoint, pull_lab.checkpoint(0, size + size // 50, 200_000, 2))
        pull("a fiftieth more")


if __name__ == "__main__":
    main()
