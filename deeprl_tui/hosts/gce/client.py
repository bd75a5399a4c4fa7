"""The `gcloud` client as a program with arguments that answers in JSON, and its faults in words.

Rule: no shell string is built, and nothing is asked on a terminal. What it prints is data of others: it is
cleaned, checked and bounded before anybody sees it.
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from deeprl_tui.core.spec import Json
from deeprl_tui.core.text import clean
from deeprl_tui.errors import DeeprlError, ExitCode

PROGRAM: Final = "gcloud"
LONGEST_S: Final = 600.0
"""A call that takes longer is ended; what it did shows in the next listing."""

PARTLY: Final = re.compile(r"Some requests did not succeed")
"""A listing that lacks what a zone did not tell says so on stderr, and ends with exit code 0."""

Kind: TypeAlias = Literal[
    "missing", "login", "project", "api", "billing", "permission", "quota", "zone", "exists", "busy", "other"
]


class CloudError(DeeprlError):
    """What the cloud refuses, with the remedy."""

    exit_code = ExitCode.FAILED

    def __init__(self, fault: str, *, place: str = PROGRAM, remedy: str = "", kind: Kind = "other") -> None:
        self.kind = kind
        super().__init__(fault, place=place, remedy=remedy)


_SIGNS: Final[tuple[tuple[str, Kind, str, str], ...]] = (
    (
        r"ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources available",
        "zone",
        "the zone has no such machine left",
        "name more zones with --zones, or another --machine-type",
    ),
    (
        r"Quota '?([A-Z0-9_]+)'? exceeded\.\s*Limit: ([0-9.]+) (?:in region ([a-z0-9-]+))?",
        "quota",
        "the quota {0} is used up: {1} in {2}",
        "use fewer or smaller machines or other zones, or ask for more: "
        "https://console.cloud.google.com/iam-admin/quotas",
    ),
    (
        r"quota.?exceeded|exceeded.{0,40}quota",
        "quota",
        "a quota is used up",
        "use fewer or smaller machines, or ask for more: https://console.cloud.google.com/iam-admin/quotas",
    ),
    (
        r"already exists",
        "exists",
        "a machine of that name exists",
        "it was not made by this project: delete it, or name the project otherwise",
    ),
    (
        r"do not currently have an active account|gcloud auth login|reauthentication|"
        r"invalid_grant|could not.{0,40}credentials",
        "login",
        "nobody is logged in",
        "gcloud auth login",
    ),
    (
        r"required property \[project\]|not.{0,20}valid project|project.{0,80}(?:not found|does not exist)",
        "project",
        "no project of Google Cloud is chosen",
        "gcloud config set project PROJECT, or --project",
    ),
    (
        r"has not been used in project|SERVICE_DISABLED|API.{0,40}(?:not enabled|is disabled)",
        "api",
        "Compute Engine is not switched on in this project",
        "gcloud services enable compute.googleapis.com",
    ),
    (
        r"billing",
        "billing",
        "the project has no billing account",
        "link one: https://console.cloud.google.com/billing/linkedaccount",
    ),
    (
        r"Required '([a-z.A-Z]+)' permission|PERMISSION_DENIED|forbidden",
        "permission",
        "your account may not do this",
        "it needs the role Compute Instance Admin (v1) in this project",
    ),
    (
        r"Backend ?Error|internal error|HTTP\w* 50[0-9]|\bcode\W{1,4}50[0-9]|try again|timed out|"
        r"connection (?:reset|refused)|network is unreachable|unable to find the server",
        "busy",
        "the cloud did not answer properly",
        "try again",
    ),
)


@dataclass(frozen=True, slots=True)
class Done:
    """What a call gave."""

    code: int
    out: str
    said: str


class Runner(Protocol):
    """Runs a program to its end. Raises OSError, subprocess.TimeoutExpired."""

    def __call__(self, words: Sequence[str], /) -> Done: ...


def run(words: Sequence[str], /) -> Done:
    """Run it here, with nobody to ask."""
    done = subprocess.run(
        list(words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
        env={**os.environ, "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"},
    )
    return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


class Gcloud:
    """The client, bound to a project of Google Cloud."""

    def __init__(
        self, project: str = "", run: Runner = run, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        """project: of Google Cloud; empty: the one that gcloud is set to. tell: hears each command."""
        self.project = check_project(project)
        self._run = run
        self._tell = tell

    def words(self, *words: str) -> list[str]:
        """The arguments of a call."""
        project = (f"--project={self.project}",) if self.project else ()
        return [PROGRAM, "compute", *words, *project, "--format=json", "--quiet"]

    def call(self, *words: str) -> Json:
        """Call it; its answer. Raises CloudError."""
        answer, error = self.try_call(*words)
        if error is not None:
            raise error
        return answer

    def try_call(self, *words: str) -> tuple[Json, CloudError | None]:
        """The same, for a call that may do a part: its answer, and what went wrong.

        Raises CloudError where no part can have been done.
        """
        line = self.words(*words)
        self._tell(shlex.join(line))
        try:
            done = self._run(line)
        except FileNotFoundError:
            raise CloudError(
                "is not installed",
                remedy="see https://cloud.google.com/sdk/docs/install, then: gcloud auth login",
                kind="missing",
            ) from None
        except subprocess.TimeoutExpired:
            return None, CloudError("did not end in time", remedy="try again", kind="busy")
        except OSError as error:
            raise CloudError(f"cannot be started ({error.strerror})", kind="missing") from None
        fault = explain(done.said) if done.code or PARTLY.search(done.said) else None
        try:
            return (json.loads(done.out) if done.out.strip() else None), fault
        except (ValueError, RecursionError):
            return None, fault or CloudError("answered something that is not JSON", remedy="update gcloud")


def explain(said: str) -> CloudError:
    """What an error of the client means. said: its stderr."""
    for words, kind, fault, remedy in _SIGNS:
        if found := re.search(words, said, re.IGNORECASE | re.DOTALL):
            parts = [clean(part or "the project") for part in found.groups()]
            return CloudError(fault.format(*parts), remedy=remedy, kind=kind)
    lines = [clean(line).strip() for line in said.splitlines() if line.strip()]
    return CloudError(lines[-1][:300] if lines else "failed without a word")


_PROJECT: Final = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]|[a-z0-9.-]{1,60}:[a-z][a-z0-9-]{4,28}[a-z0-9]")


def check_project(project: str) -> str:
    """Return it. Raises ValueError if that is no project of Google Cloud."""
    if project and not _PROJECT.fullmatch(project):
        raise ValueError(f"{project!r} is not the id of a project of Google Cloud")
    return project
