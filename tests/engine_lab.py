"""A real container engine for a test: podman with runc, in a folder of its own, and an image to push.

The image holds nothing: this machine's programs, this Python and this checkout are mounted where they are.
$DEEPRL_TEST_IMAGE names an archive of a real one, as docker/build-without-docker.sh leaves it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ARCHIVE = "DEEPRL_TEST_IMAGE"
TOOLS = ("podman", "runc", "conmon", "tar")
NAME = "localhost/deeprl-tui:test"
STORAGE = """
[storage]
driver = "{driver}"
runroot = "{folder}/run"
graphroot = "{folder}/graph"
"""
ENGINE = """
[containers]
default_ulimits = []
pids_limit = 0
volumes = {volumes}
[engine]
cgroup_manager = "cgroupfs"
lock_type = "file"
tmp_dir = "{folder}/tmp"
events_logger = "none"
runtime = "eased"
[engine.runtimes]
eased = ["{runtime}"]
"""


def lacks() -> str:
    """What this machine lacks to run containers; empty if nothing."""
    if os.geteuid():
        return "needs root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"needs {', '.join(absent)}" if absent else ""


class Podman:
    """An engine with one image."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        archive = os.environ.get(ARCHIVE)
        mounted = [] if archive else sorted({"/usr", sys.prefix, sys.base_prefix, str(ROOT)})
        (folder / "storage.conf").write_text(
            STORAGE.format(driver="overlay" if archive else "vfs", folder=folder)
        )
        (folder / "containers.conf").write_text(
            ENGINE.format(
                folder=folder,
                volumes=json.dumps([f"{path}:{path}:ro" for path in mounted]),
                runtime=ROOT / "docker/runtime.py",
            )
        )
        (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        self.environment = {
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
        }
        if archive:
            said = self.run("load", "-q", "-i", archive, "--signature-policy", str(folder / "policy.json"))
            self.run("tag", said.splitlines()[-1].rpartition(": ")[2], NAME)
        else:
            self._import()

    def run(self, *words: str) -> str:
        """Run podman; what it prints."""
        environ = {**os.environ, **self.environment}
        done = subprocess.run(["podman", *words], env=environ, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fault(self) -> str:
        """Why no container runs here; empty if one does."""
        words = ["podman", "run", "--rm", "--network", "none", "--entrypoint", "true", NAME]
        tried = subprocess.run(words, env={**os.environ, **self.environment}, capture_output=True, text=True)
        return f"no containers here: {tried.stderr.strip()[-300:]}" if tried.returncode else ""

    def _import(self) -> None:
        root = self.folder / "root"
        for name in ("usr", "mnt/data", "run/deeprl", "home/deeprl", "tmp", "etc", "opt/deeprl"):
            (root / name).mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            (root / name).symlink_to(f"usr/{name}")
        (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
        shutil.copy(ROOT / "docker/entrypoint.sh", root / "opt/deeprl/deeprl-entrypoint")
        shutil.copy(ROOT / "experiments.toml", root / "opt/deeprl")
        subprocess.run(["tar", "-C", root, "-cf", self.folder / "root.tar", "."], check=True)
        changes = [
            f"ENV PATH=/opt/deeprl:{sys.prefix}/bin:/usr/bin:/bin",
            "ENV DEEPRL_STUDY=/opt/deeprl/experiments.toml",
            "WORKDIR /mnt/data",
            'ENTRYPOINT ["deeprl-entrypoint"]',
        ]
        changed = [word for change in changes for word in ("--change", change)]
        self.run("import", "-q", *changed, str(self.folder / "root.tar"), NAME)

    def close(self) -> None:
        """End all containers and forget them."""
        self.run("rm", "-f", "-a", "-t", "0")
        if os.environ.get(ARCHIVE):
            self.run("system", "reset", "-f")
