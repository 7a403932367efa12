"""`status.json` of a model: what a build is doing, for whoever looks from another terminal."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import StorageError
from .atomic import storage_errors, write_json

__all__ = ["STAGES", "State", "Status", "StatusWriter", "read_status"]

_WRITE_EVERY_SECONDS = 0.2


class State(StrEnum):
    """Shaped's names for where a model is in its life."""

    SCHEDULING = "SCHEDULING"
    FETCHING = "FETCHING"
    TUNING = "TUNING"
    TRAINING = "TRAINING"
    DEPLOYING = "DEPLOYING"
    ACTIVE = "ACTIVE"
    ERROR = "ERROR"


STAGES = (State.SCHEDULING, State.FETCHING, State.TUNING, State.TRAINING, State.DEPLOYING)
"""The stages of a build, in order; ACTIVE or ERROR follows."""


@dataclass(frozen=True, slots=True)
class Status:
    """One reading of a build.

    `step` says what of the stage is under way, `done` of `total` how far it is (total 0: unknown).
    """

    state: State
    step: str = ""
    done: int = 0
    total: int = 0
    created_at: str = ""
    updated_at: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds of every stage that is finished."""
    error_message: str | None = None


def read_status(model_folder: Path) -> Status | None:
    """Return the status of a model, or None if it never had one.

    One that is damaged, or not of this version, reads as an ERROR that says so.

    Raises
    ------
    StorageError
        If it may not be read.
    """
    path = model_folder / "status.json"
    try:
        with storage_errors(path, action="read"), suppress(FileNotFoundError):
            document: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return Status(**{**document, "state": State(document["state"])})
    except (ValueError, KeyError, TypeError) as error:
        message = (
            f"{path} cannot be read ({type(error).__name__}: {error}); write it anew with "
            f"`sightline update-model --model-name {model_folder.name}`"
        )
        return Status(State.ERROR, error_message=message)
    return None


class StatusWriter:
    """Keeps `status.json` true while a build runs, and tells a listener of every change.

    Parameters
    ----------
    model_folder
        Where `status.json` lives.
    listener
        Called with every new status, also those too frequent to be worth a disk write.
    """

    def __init__(self, model_folder: Path, listener: Callable[[Status], None]) -> None:
        self._path = model_folder / "status.json"
        self._listener = listener
        earlier = read_status(model_folder)
        created_at = (earlier and earlier.created_at) or _now()
        self.status = Status(State.SCHEDULING, created_at=created_at)
        self._stage_started = self._last_write = time.monotonic()
        self._publish(self.status)

    def stage(self, state: State) -> None:
        """Enter the next stage; the time of the one before is kept."""
        now = time.monotonic()
        seconds = {**self.status.seconds, self.status.state: round(now - self._stage_started, 3)}
        self._stage_started = now
        self._publish(replace(self.status, state=state, step="", done=0, total=0, seconds=seconds))

    def progress(self, step: str, done: int = 0, total: int = 0) -> None:
        """Say how far the stage is; cheap enough to call per item."""
        status = replace(self.status, step=step, done=done, total=total)
        is_due = time.monotonic() - self._last_write >= _WRITE_EVERY_SECONDS
        if is_due or step != self.status.step:
            self._publish(status, durable=False)  # a build that loses power is over anyway
        else:
            self._tell(status)

    @contextmanager
    def ending(self) -> "Iterator[StatusWriter]":
        """Keep why the block ended early as an ERROR; a normal end is for the block to tell."""
        try:
            yield self
        except BaseException as error:
            # A disk too full for the status must not hide why the build ended.
            with suppress(StorageError):
                self.fail(_reason(error))
            raise

    def fail(self, message: str) -> None:
        """End in ERROR, keeping the stage times and the message."""
        self._publish(replace(self.status, state=State.ERROR, error_message=message))

    def _publish(self, status: Status, *, durable: bool = True) -> None:
        self._last_write = time.monotonic()
        self.status = replace(status, updated_at=_now())
        write_json(self._path, asdict(self.status), durable=durable)
        self._listener(self.status)

    def _tell(self, status: Status) -> None:
        self.status = replace(status, updated_at=_now())
        self._listener(self.status)


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "the build was interrupted; what it fetched and encoded is kept"
    return str(error) or type(error).__name__


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
