"""Every error this tool raises on purpose, and every exit code.

    DeeprlError              place, fault, remedy
    ├── ConfigError          one or more problems of an experiments.toml
    ├── UnknownNameError     no such experiment or run
    ├── RefusedError         the request contradicts what is on disk
    ├── RunDirectoryError    a run directory cannot be read or written
    ├── QueryError           a filter that cannot be understood
    └── LockHeldError        somebody else is the writer

Rule: an error says where, what and what to do about it; the front ends print it, in one place each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What `deeprl` returns to the shell. These numbers are an API."""

    OK = 0
    FAILED = 1  # a run failed, was lost, or did not finish
    USAGE = 2  # bad arguments or a bad experiments.toml
    UNKNOWN_NAME = 3  # no such experiment, run or host
    UNREACHABLE = 4  # a host does not answer, or ssh refuses it
    REFUSED = 5  # changed settings under an old name, or part of a request could not be done
    LOCKED = 73  # another supervisor owns this runs folder
    INTERRUPTED_RUN = 75  # a worker stopped at a checkpoint and can go on
    CTRL_C = 130
    SIGTERM = 143


class DeeprlError(Exception):
    """An error with a place, a fault and a remedy, in words for the user."""

    exit_code = ExitCode.FAILED

    def __init__(self, fault: str, *, place: str = "", remedy: str = "") -> None:
        self.place = place
        self.fault = fault
        self.remedy = remedy
        super().__init__(self.__str__())

    def __str__(self) -> str:
        text = f"{self.place}: {self.fault}" if self.place else self.fault
        return f"{text}; {self.remedy}" if self.remedy else text


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a configuration file or of a `--set`, with where it stands."""

    file: str
    line: int  # from 1; 0 when no line is known
    table: str  # "experiments.LL_basic", or "" at the top
    key: str  # "" when the table itself is at fault
    reason: str
    remedy: str = ""  # "did you mean replay_buffer?"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = " ".join(part for part in (f"[{self.table}]" if self.table else "", self.key) if part)
        text = f"{place} {where}: {self.reason}" if where else f"{place}: {self.reason}"
        return f"{text}; {self.remedy}" if self.remedy else text


class ConfigError(DeeprlError):
    """An experiments.toml or a `--set` with problems; all of them, found in one pass."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnknownNameError(DeeprlError):
    """A name that no experiment or run has."""

    exit_code = ExitCode.UNKNOWN_NAME


class RefusedError(DeeprlError):
    """A request that would mix or overwrite results."""

    exit_code = ExitCode.REFUSED


class RunDirectoryError(DeeprlError):
    """A run directory that cannot be read or written."""


class QueryError(DeeprlError):
    """A filter of runs that cannot be understood."""

    exit_code = ExitCode.USAGE


class LockHeldError(DeeprlError):
    """Somebody else holds a lock that this process needs."""

    exit_code = ExitCode.LOCKED
