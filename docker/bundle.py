"""Writes the config.json with which runc starts a container of an image, as `docker run` would.

    buildah inspect --type image NAME | python3 docker/bundle.py BUNDLE ROOTFS DATA CORE CONTAINER ARGUMENT...

Rule: what the image says (user, entrypoint, environment, folder) is taken from the image; added is what a
careful user adds: a read-only root, no capabilities, no network, one core, 1 GB of memory.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main(arguments: list[str]) -> None:
    """Change the config.json that `runc spec` made in the bundle's folder."""
    bundle, rootfs, data, core, name, *command = arguments
    image = json.load(sys.stdin)["Docker"]["config"]
    file = Path(bundle) / "config.json"
    config: dict[str, Any] = json.loads(file.read_text())
    user, _, group = image["User"].partition(":")
    environ = [entry for entry in image["Env"] if not entry.startswith("HOME=")]
    config["process"] |= {
        "terminal": False,
        "user": {"uid": int(user), "gid": int(group)},
        "args": [*image["Entrypoint"], *(command or image["Cmd"])],
        "env": [*environ, "HOME=/home/deeprl"],
        "cwd": image["WorkingDir"],
        "capabilities": {},
        "rlimits": [],
        "noNewPrivileges": True,
    }
    config["root"] = {"path": rootfs, "readonly": True}
    config["hostname"] = name
    tmpfs = {
        "destination": "/tmp",  # noqa: S108  the container's own
        "type": "tmpfs",
        "source": "tmpfs",
        "options": ["nosuid", "nodev", "mode=1777"],
    }
    bind = {"destination": "/mnt/data", "type": "bind", "source": data, "options": ["bind", "rw"]}
    config["mounts"] += [tmpfs, bind]
    config["linux"]["cgroupsPath"] = f"/{name}"
    config["linux"]["resources"] |= {"cpu": {"cpus": core}, "memory": {"limit": 10**9}}
    file.write_text(json.dumps(config, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
