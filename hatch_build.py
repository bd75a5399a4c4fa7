"""Builds the learner's kernel into the package, so that wheels carry it.

Rule: without a C compiler the package builds all the same, and training takes the slower numpy path.
"""

import runpy
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNEL = Path("agents/deeprl_agents/kernel")


class KernelHook(BuildHookInterface):
    """Compiles before the wheel is packed, or before an editable install is made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; a wheel with libraries is one for this platform and any Python."""
        if self.target_name != "wheel":
            return
        built = runpy.run_path(str(Path(self.root) / KERNEL / "compile.py"))["build"]()
        if not built:
            self.app.display_warning("no C compiler ($CC, cc): training will take the slower numpy path")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"] += [str(KERNEL / "lib" / "*.so")]
