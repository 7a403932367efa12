"""The verb that labels items: the part of `Client` that asks a model and may add to it."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .label_set import LabelColumn, LabelSet
from .queries import Id, Queries, texts_of
from .rank.query import read_query
from .rank.response import LabelResponse
from .store.home import Home

if TYPE_CHECKING:
    from .encoders import Encoders

__all__ = ["Labelling"]


class Labelling(Queries):
    """Labels the items of models that are built; see `sightline.Client`."""

    home: Home
    _encoders: "Callable[[], Encoders]"

    def label(
        self,
        model_name: str,
        labels: Sequence[str],
        *,
        column: str | None = None,
        item_ids: Sequence[Id] | None = None,
        filter_predicate: str | None = None,
        limit: int | None = None,
        return_metadata: bool = True,
        templates: str | Sequence[str] | None = None,
    ) -> LabelResponse:
        """Say which of a few labels fits each item best, and how likely each label is.

        Nothing is trained (zero-shot classification, as the pipeline of transformers has it): the
        model's encoder compares an item's picture with the labels' words. With an encoder like CLIP
        (Radford et al. 2021) the labels compete, and the probabilities of an item sum to one: a
        softmax over its cosines times the encoder's own scale, or CLIP's 100 where the encoder does
        not say. They are relative to the labels given, so give one for what is none of them. With
        one like SigLIP (Zhai et al. 2023) every label is judged by itself, by a sigmoid, and all
        may be likely or none; `notes` say so.

        An item without a picture is judged by its words, whose cosines are first brought to the
        mean and deviation of the pictures', where twenty items have each. By an encoder of words
        alone all items are. An item with neither has no label and no probabilities.

        Parameters
        ----------
        model_name
            Which model.
        labels
            What to tell apart, such as ``["red dress", "striped shirt"]``; all different, at least
            two where they compete.
        column
            Keep the answer: for all items, whatever is asked for here, the columns ``<column>``, a
            label, and ``<column>_probability`` become part of the model, in its next generation.
            Filters may name them, metadata shows them, `update_model` computes them again, and an
            earlier label column of that name makes room. None changes nothing on disk.
        item_ids, filter_predicate
            Return only these, or those of which this is true; see `rank`.
        limit
            Return only so many, the most certain; None returns all.
        return_metadata
            Whether to return the catalogue's columns of every item.
        templates
            What a label is put into in place of ``{}`` before it is encoded, as transformers'
            ``hypothesis_template``; of several, the vectors' mean counts. None takes the label
            itself, "a photo of {}" and "a picture of {}".

        Returns
        -------
        LabelResponse
            The most certain first, those that nobody can judge last.

        Raises
        ------
        LabelError
            If there are no labels, one is blank or stands twice, or there is one alone to compete;
            or if the column cannot be named so.
        SchemaError
            If the catalogue has a column of that name.
        UnsupportedError
            If the model's encoder reads no text, or its vectors were given without their encoder.
        ModelNotFoundError, ModelNotActiveError, FilterError, UnknownItemError
            As of `rank`.
        EncoderError
            If the encoder that the model was built with is gone or does not run here.
        ModelBusyError, StorageError
            With a `column`: if the model is being built, or the disk refuses.
        """
        asked = LabelSet.of(labels, templates)
        ids = None if item_ids is None else texts_of(item_ids)
        query = read_query(
            {
                "limit": limit,
                "filter_predicate": filter_predicate,
                "return_metadata": return_metadata,
            },
            default_limit=sys.maxsize,
        )
        if column is None:
            serving = self._opened.serving(model_name)
            return serving.label(asked, serving.judge(asked), query, item_ids=ids)
        from .relabel import relabel  # brings Polars

        added = LabelColumn.of(column, asked)
        return relabel(self.home, model_name, added, query, item_ids=ids, encoders=self._encoders)
