"""Shows a build while it runs: bars on a terminal, one line per stage elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

from ..store.status import STAGES, State, Status

__all__ = ["follow", "follow_steps"]

_LINE_EVERY_SECONDS = 5.0


@contextmanager
def follow() -> Iterator[Callable[[Status], None]]:
    """Give a status listener that shows what it hears on stderr; stdout stays for the answer."""
    if not sys.stderr.isatty():
        yield _Lines().hear
        return
    columns = (
        TextColumn("{task.description:<11}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[step]}"),
        Elapsed(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bars(progress).hear


@contextmanager
def follow_steps(state: State = State.TUNING) -> Iterator[Callable[[str, int, int], None]]:
    """Give a listener for work outside a build: step, done and total, shown on stderr.

    `state` is the stage of a build that does such work.
    """
    with follow() as hear:
        yield lambda step, done, total: hear(Status(state, step=step, done=done, total=total))


class _Bars:
    """One bar per stage; a stage without a count moves from 0 to 1 when it ends."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._state = ""

    def hear(self, status: Status) -> None:
        if status.state == State.ERROR:
            return  # the bar stays where the stage failed
        if status.state != self._state:
            self._finish()
            self._state = status.state
            if status.state in STAGES:
                self._task = self._progress.add_task(status.state, total=1, step="")
        if self._task is not None and status.state in STAGES:
            total = status.total or 1
            self._progress.update(self._task, completed=status.done, total=total, step=status.step)

    def _finish(self) -> None:
        if self._task is not None:
            total = self._progress.tasks[self._task].total
            self._progress.update(self._task, completed=total or 1, step="")
        self._task = None


class _Lines:
    """A line when a stage begins, and every few seconds within a long one."""

    def __init__(self) -> None:
        self._state = ""
        self._said = 0.0

    def hear(self, status: Status) -> None:
        is_new = status.state != self._state
        if not is_new and time.monotonic() - self._said < _LINE_EVERY_SECONDS:
            return
        count = f" {status.done:,} of {status.total:,}" if status.total else ""
        step = f" {status.step}" if status.step else ""
        sys.stderr.write(f"{status.state}{step}{count}\n")
        self._state, self._said = status.state, time.monotonic()
