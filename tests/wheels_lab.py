"""The wheels that a push needs, fetched once by this machine for others that reach no package index."""

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

from deeprl_tui.hosts import parcel

LOGIN_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Where a machine looks for python3 when somebody logs in."""


def lacks() -> str:
    """What is missing for a push without an index; empty if nothing."""
    python = shutil.which("python3", path=LOGIN_PATH)
    if python is None:
        return "needs the system's python3"
    ask = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    there = subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if there != here:
        return f"needs a {python} of Python {here}, as here"
    needs = " ".join(metadata.requires("torch") or ())
    return "needs torch's CPU build" if re.search(r"nvidia|cuda", needs) else ""


def fetch(folder: Path) -> Path:
    """The one folder below this, with all wheels. torch is packed as it is here: an index may have others."""
    needs = parcel.requirements()
    wheels = folder / hashlib.sha256("\n".join(needs).encode()).hexdigest()[:12]
    if wheels.exists():
        return wheels
    shutil.rmtree(folder, ignore_errors=True)  # of older requirements
    fresh = wheels.with_suffix(".part")
    fresh.mkdir(parents=True)
    words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    fetched = [need for need in needs if not need.startswith("torch==")]
    subprocess.run([*words, "--dest", str(fresh), *fetched], check=True)
    _pack(metadata.distribution("torch"), fresh)
    fresh.rename(wheels)
    return wheels


def _pack(distribution: metadata.Distribution, folder: Path) -> None:
    tag = re.search(r"^Tag: (\S+)$", distribution.read_text("WHEEL") or "", re.MULTILINE)
    assert tag is not None
    name = f"{distribution.name}-{distribution.version}-{tag[1]}.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for file in distribution.files or ():
            if not file.parts[0].startswith(".") and file.suffix != ".pyc":
                wheel.write(str(file.locate()), file.as_posix())
