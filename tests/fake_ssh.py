"""Stands where ssh would: runs the remote command here, with a home folder of its own.

DEEPRL_FAKE_HOMES is the folder of the homes, one for each address.
"""

import os
import sys
from pathlib import Path


def main() -> None:
    """Take ssh's arguments up to `--`, then an address and a command."""
    address, command = sys.argv[sys.argv.index("--") + 1 :]
    home = Path(os.environ["DEEPRL_FAKE_HOMES"]) / address.rpartition("@")[2]
    if not home.is_dir():
        sys.stderr.write(f"ssh: Could not resolve hostname {address}: Name or service not known\n")
        sys.exit(255)
    os.chdir(home)
    os.execve("/bin/sh", ["sh", "-c", command], {**os.environ, "HOME": str(home)})


main()
