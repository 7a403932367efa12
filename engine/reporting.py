"""The verbs about a model's pictures: what became of each, and the failed ones once more."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from .store.home import Home

if TYPE_CHECKING:
    import polars as pl

    from .encoders import Encoders

__all__ = ["Reporting"]


class Reporting:
    """Reports on the pictures of models that are built; see `sightline.Client`."""

    home: Home
    _encoders: "Callable[[], Encoders]"
    _allow_hosts: tuple[str, ...]

    def images(
        self,
        model_name: str,
        *,
        failed: bool = False,
        column: str | None = None,
        outcomes: Collection[str] = (),
    ) -> "pl.DataFrame":
        """List what became of every picture when the active generation was built.

        Parameters
        ----------
        model_name
            Which model.
        failed
            Only pictures that were meant to be there and could not be had.
        column
            Only those of this image column.
        outcomes
            Only those with one of these outcomes, such as ``not_found`` or ``timeout``; also
            ``placeholder``, whether the model takes them for missing or not, and ``duplicate``,
            copies of another item's picture.

        Returns
        -------
        polars.DataFrame
            One row per item and image column, in the order of the catalogue, column by column:
            ``item_id``, ``column``, ``cell`` (shortened, without passwords), ``outcome``,
            ``detail``, ``content_hash`` (sha256 in hex, null unless there is a picture),
            ``placeholder``, and ``near_duplicate_of``, the item whose picture came first.

        Raises
        ------
        ModelNotFoundError, ModelNotActiveError
            If there is no such model, or it has no finished generation.
        SchemaError
            If the model has no such image column.
        UnsupportedError
            If the generation was built before it kept this table.
        ValueError
            If there is no such outcome.
        """
        from .imagery import list_pictures  # brings the stages that a generation is read by

        return list_pictures(self.home, model_name, failed=failed, column=column, outcomes=outcomes)

    def retry_images(
        self,
        model_name: str,
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Try just the pictures that failed once more, and keep what is had for the next build.

        They are fetched and encoded as the model's own build did, into the caches of home. No
        generation is made: `update_model` brings what is had now into ranking, without fetching or
        encoding it again.

        Parameters
        ----------
        model_name
            Which model.
        on_progress
            Called with step, done and total.

        Returns
        -------
        dict
            ``retried``, how many were tried; ``had``, how many are had now; ``before`` and
            ``after``, how many of them failed and fail by reason; ``not_retried``, how many are
            bytes in the catalogue, which only a build reads.

        Raises
        ------
        ModelNotFoundError, ModelNotActiveError, UnsupportedError
            As of `images`.
        EncoderError
            If the encoder that the model was built with is gone or does not run here.
        StorageError
            If the disk refuses.
        """
        from .imagery import retry_failed

        return retry_failed(
            self.home,
            model_name,
            encoders=self._encoders(),
            allow_hosts=self._allow_hosts,
            progress=on_progress or (lambda step, done, total: None),
        )
