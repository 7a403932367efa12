"""What a ready-made folder says of its tokenizer: how long texts may be, what fills a batch up."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .checkpoint import read_json

__all__ = ["context_of", "has_token", "pad_id_of", "settings_of"]

_UNLIMITED = 100_000  # tokenizers without a limit say 10**30
_DEFAULT_CONTEXT = {"clip": 77, "siglip": 64, "siglip2": 64}


def settings_of(path: Path) -> dict[str, Any]:
    """Read a JSON file of settings; one that is missing says nothing."""
    return read_json(path) if path.is_file() else {}


def context_of(folder: Path, config: Mapping[str, Any]) -> int:
    """Return the most tokens of a text, special ones included.

    Looked at, in this order: sentence-transformers' own limit, the tokenizer's, the number of
    position embeddings, what the model's kind is known for, 512.
    """
    text = config.get("text_config") or config.get("text_cfg") or {}
    told = (
        settings_of(folder / "sentence_bert_config.json").get("max_seq_length"),
        settings_of(folder / "tokenizer_config.json").get("model_max_length"),
        text.get("context_length"),
        text.get("max_position_embeddings"),
        config.get("max_position_embeddings"),
        _DEFAULT_CONTEXT.get(str(config.get("model_type"))),
    )
    return next((int(limit) for limit in told if limit and limit < _UNLIMITED), 512)


def pad_id_of(folder: Path, config: Mapping[str, Any]) -> int:
    """Return the id that short texts of a batch are filled up with; 0 where nothing tells it."""
    names = (
        settings_of(folder / "tokenizer_config.json").get("pad_token"),
        settings_of(folder / "special_tokens_map.json").get("pad_token"),
    )
    name = next((name for name in names if name), None)
    if isinstance(name, Mapping):
        name = name.get("content")
    tokenizer = settings_of(folder / "tokenizer.json")
    if name is not None and (found := _id_of(tokenizer, str(name))) is not None:
        return found
    padding = tokenizer.get("padding")
    if isinstance(padding, Mapping) and isinstance(padding.get("pad_id"), int):
        return int(padding["pad_id"])
    told = config.get("pad_token_id", (config.get("text_config") or {}).get("pad_token_id"))
    return told if isinstance(told, int) and told >= 0 else 0


def has_token(folder: Path, token: str) -> bool:
    """Whether the tokenizer.json of a folder knows a token by this spelling."""
    return _id_of(settings_of(folder / "tokenizer.json"), token) is not None


def _id_of(tokenizer: Mapping[str, Any], token: str) -> int | None:
    for added in tokenizer.get("added_tokens") or ():
        if added.get("content") == token:
            return int(added["id"])
    vocabulary = (tokenizer.get("model") or {}).get("vocab") or {}
    if isinstance(vocabulary, Mapping):
        return vocabulary.get(token)
    # Unigram models list their tokens with scores.
    places = (place for place, (known, _) in enumerate(vocabulary) if known == token)
    return next(places, None)
