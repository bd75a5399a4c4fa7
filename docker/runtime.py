#!/usr/bin/env python3
"""runc for podman where limits may not be raised, as in many sandboxes: it asks for none.

Rule: every word goes to runc as it came. From the description of a new container only that is taken out
which needs CAP_SYS_RESOURCE; what guards the container stays.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

NEEDS = "CAP_SYS_RESOURCE"


def ease(config: dict[str, Any]) -> None:
    """Take out what needs the capability."""
    process = config["process"]
    process["rlimits"] = []
    process.pop("oomScoreAdj", None)
    for names in process.get("capabilities", {}).values():
        names[:] = [name for name in names if name != NEEDS]


def main(words: list[str]) -> None:
    """Change config.json if a container is made, then be runc."""
    if "--bundle" in words:
        file = Path(words[words.index("--bundle") + 1]) / "config.json"
        config = json.loads(file.read_text())
        ease(config)
        file.write_text(json.dumps(config))
    os.execv(shutil.which("runc") or "/usr/sbin/runc", ["runc", *words])  # noqa: S606  that is its job


if __name__ == "__main__":
    main(sys.argv[1:])
