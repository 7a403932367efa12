"""Labels that pictures are to be told apart by, and the columns that keep the answer: checked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError, LabelError, SchemaError
from .sections import check_keys

__all__ = [
    "TEMPLATES",
    "LabelColumn",
    "LabelSet",
    "document_with",
    "kept_columns",
    "read_label_columns",
    "refuse_taken",
]

TEMPLATES = ("{}", "a photo of {}", "a picture of {}")
"""What a label is put into before it is encoded: captions are sentences more often than words, and
the mean of a few vectors leans on the wording of none (Radford et al. 2021, section 3.1.4)."""

_GAP = "{}"
_EXAMPLE = "{style: [striped shirt, plain shirt]}"


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Labels to choose from, all different, and the templates that each is read in."""

    labels: tuple[str, ...]
    templates: tuple[str, ...] = TEMPLATES

    @classmethod
    def of(cls, labels: Sequence[str], templates: str | Sequence[str] | None = None) -> "LabelSet":
        """Check labels and templates, whose outer blanks are cut off.

        Raises
        ------
        LabelError
            If there is no label or template, one is blank, no text, or stands twice, or a template
            has no place for the label.
        TypeError
            If `labels` is one text.
        """
        if isinstance(labels, str):
            message = f"labels must be a list of texts, not the text {labels!r}"
            raise TypeError(message)
        if isinstance(templates, str):
            templates = [templates]
        chosen = _distinct(TEMPLATES if templates is None else templates, "template")
        if without := [template for template in chosen if _GAP not in template]:
            message = (
                f"template {without[0]!r} has no {_GAP} where the label goes, "
                "as in 'a photo of {}'"
            )
            raise LabelError(message)
        return cls(_distinct(labels, "label"), chosen)

    def prompts(self) -> list[str]:
        """Return what is encoded: the labels in order, each in every template."""
        return [
            template.replace(_GAP, label) for label in self.labels for template in self.templates
        ]


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """The label that fits an item best as a column of the items, and a second one of how well."""

    name: str
    asked: LabelSet

    @classmethod
    def of(cls, name: str, asked: LabelSet) -> "LabelColumn":
        """Check the name.

        Raises
        ------
        LabelError
            If it is blank or not one line of printable characters.
        """
        if isinstance(name, str) and name.strip() and name.isprintable():
            return cls(name.strip(), asked)
        message = f"{name!r} cannot name a column: give one line of printable characters"
        raise LabelError(message)

    @property
    def names(self) -> tuple[str, str]:
        """Of the column that holds the label, and of that which holds its probability."""
        return self.name, f"{self.name}_probability"

    def to_document(self) -> list[str] | dict[str, list[str]]:
        """Return what the YAML says of it."""
        labels = list(self.asked.labels)
        if self.asked.templates == TEMPLATES:
            return labels
        return {"labels": labels, "templates": list(self.asked.templates)}


def read_label_columns(value: Any) -> tuple[LabelColumn, ...]:  # noqa: ANN401 - straight from YAML
    """Read ``model.labels``: column to labels, or to ``{labels: […], templates: […]}``.

    Raises
    ------
    ConfigError
        If it is anything else, or what `LabelSet` and `LabelColumn` refuse.
    """
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        message = f"model.labels must map columns to labels, as in {_EXAMPLE}, not {value!r}"
        raise ConfigError(message)
    return tuple(_column(name, entry) for name, entry in value.items())


def document_with(document: Mapping[str, Any], columns: Iterable[LabelColumn]) -> dict[str, Any]:
    """Return a model document whose ``model.labels`` are these columns and no others."""
    model = {key: value for key, value in document["model"].items() if key != "labels"}
    labels = {column.name: column.to_document() for column in columns}
    return {**document, "model": {**model, "labels": labels} if labels else model}


def kept_columns(manifest: Mapping[str, Any]) -> tuple[LabelColumn, ...] | None:
    """Return the label columns that a generation says it has, or None if it does not speak of it.

    They, not the YAML that a model was made from, are what is to be computed again: `label` adds to
    them, and becomes true by the one swap that makes a generation active.
    """
    entries = manifest.get("labels")
    if entries is None:
        return None
    return tuple(
        LabelColumn.of(name, LabelSet.of(entry["labels"], entry["templates"]))
        for name, entry in entries.items()
    )


def refuse_taken(columns: Sequence[LabelColumn], taken: Iterable[str]) -> None:
    """Refuse label columns that are called as a column of the catalogue, or as one another.

    Case does not tell them apart, as it does not in a filter.

    Raises
    ------
    SchemaError
        That names the column.
    """
    owners = {name.casefold(): f"the column {name!r} of fetch.items" for name in taken}
    for column in columns:
        for name in column.names:
            if (owner := owners.get(name.casefold())) is not None:
                message = (
                    f"the labels of {column.name!r} make the columns {column.names[0]!r} and "
                    f"{column.names[1]!r}, but there is {owner}: call the label column otherwise"
                )
                raise SchemaError(message)
        owners |= {name.casefold(): f"a label column {name!r}" for name in column.names}


def _column(name: Any, entry: Any) -> LabelColumn:  # noqa: ANN401 - straight from YAML
    where = f"model.labels.{name}"
    templates = None
    if isinstance(entry, Mapping):
        check_keys(where, entry, {"labels", "templates"})
        entry, templates = entry.get("labels"), entry.get("templates")
    if not isinstance(entry, list) or not isinstance(templates, str | list | None):
        message = f"{where} must be a list of labels, as in {_EXAMPLE}, not {entry!r}"
        raise ConfigError(message)
    try:
        return LabelColumn.of(name, LabelSet.of(entry, templates))
    except LabelError as error:
        message = f"{where}: {error}"
        raise ConfigError(message) from error


def _distinct(texts: Sequence[Any], kind: str) -> tuple[str, ...]:
    for text in texts:
        if not isinstance(text, str):
            message = f"{kind} {text!r} is no text; put it in quotes"
            raise LabelError(message)
    cut = tuple(text.strip() for text in texts)
    if not cut or "" in cut:
        message = f"give at least one {kind}, and none that is blank; there are {list(texts)!r}"
        raise LabelError(message)
    if repeated := [text for place, text in enumerate(cut) if text in cut[:place]]:
        message = f"{kind} {repeated[0]!r} stands twice; each is judged once"
        raise LabelError(message)
    return cut
