"""Every error a user can act on: what happened, with which value, what to do about it."""

__all__ = [
    "ConfigError",
    "ConnectorError",
    "CorruptGenerationError",
    "DatasetExistsError",
    "DatasetNotFoundError",
    "EncoderError",
    "FilterError",
    "FormatTooNewError",
    "InvalidNameError",
    "LabelError",
    "ModelBusyError",
    "ModelExistsError",
    "ModelNotActiveError",
    "ModelNotFoundError",
    "OutputExistsError",
    "QueryError",
    "SchemaError",
    "SightlineError",
    "StorageError",
    "UnknownItemError",
    "UnreadableImageError",
    "UnsupportedError",
]


class SightlineError(Exception):
    """Base of every error a user can act on."""

    def __str__(self) -> str:
        # KeyError, a base of some leaves, shows the repr of its message: quotes around a sentence.
        return str(self.args[0]) if self.args else ""


class ConfigError(SightlineError, ValueError):
    """The model YAML cannot be read as a model: a wrong key, type or value."""


class UnsupportedError(SightlineError, NotImplementedError):
    """A key or argument of the surface that this version refuses rather than ignores."""


class InvalidNameError(SightlineError, ValueError):
    """A model or dataset name that could not be a folder of its own."""


class ConnectorError(SightlineError):
    """A source named in the YAML is missing, unreachable or of an unknown kind."""


class QueryError(SightlineError, ValueError):
    """A `fetch` query that does not parse, reaches outside its sources, or fails.

    Also a `text_query` or `queries` that cannot be read.
    """


class SchemaError(SightlineError, ValueError):
    """A table without the columns or rows that its role needs."""


class FilterError(SightlineError, ValueError):
    """A `filter_predicate` that does not parse or names an unknown column."""


class LabelError(SightlineError, ValueError):
    """Labels that items cannot be told apart by: none, one alone, or one twice."""


class EncoderError(SightlineError):
    """The encoder that was asked for cannot be had, or cannot do what was asked of it."""


class UnreadableImageError(SightlineError, ValueError):
    """The picture given as a query is not a picture that can be read."""


class UnknownItemError(SightlineError, KeyError):
    """No item of the model has this id."""


class ModelNotFoundError(SightlineError, LookupError):
    """No model of this name lives in this home."""


class ModelNotActiveError(SightlineError):
    """The model has no finished generation to answer from yet."""


class ModelExistsError(SightlineError, FileExistsError):
    """`create-model` was asked for a name that is taken."""


class ModelBusyError(SightlineError):
    """Another process is building or deleting this model."""


class DatasetNotFoundError(SightlineError, LookupError):
    """No dataset of this name lives in this home."""


class DatasetExistsError(SightlineError, FileExistsError):
    """`create-dataset` was asked for a name that is taken."""


class OutputExistsError(SightlineError, FileExistsError):
    """A file to be written is there, and it was not said that it may be replaced."""


class StorageError(SightlineError, OSError):
    """Home cannot be read or written: full, read-only, or not a folder."""


class CorruptGenerationError(SightlineError):
    """A file of a generation is missing or is not what the manifest says it is."""


class FormatTooNewError(SightlineError):
    """A generation written by a newer Sightline than this one."""
