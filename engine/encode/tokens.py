"""Texts into the token ids that a text tower was trained on, from the pack's tokenizer.json."""

import re
import string
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sightline_models.pack import TextualTower

from ..errors import EncoderError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["Tokens"]

# What is read of a text, per token of the context: beyond it nothing can reach the model, and a
# tokenizer takes seconds over a megabyte. Real tokens hold 20 characters at most, blanks aside.
_CHARACTERS_PER_TOKEN = 500
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_BLANKS = re.compile(r"\s+")


class Tokens:
    """The tokenizer of one text tower; threads may share it. Its file is read when first needed.

    What a tokenizer.json says of padding and truncation is not listened to: that is the tower's.

    Parameters
    ----------
    path
        The tokenizer.json.
    tower
        Says where texts are cut, and how they are written before.
    """

    def __init__(self, path: Path, tower: TextualTower) -> None:
        self._path = path
        self._tower = tower
        self._lock = threading.Lock()
        self._tokenizer: Tokenizer | None = None

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, special ones included, at most `tower.context`.

        A longer text is cut before its end token, which stays. An empty text has the special
        tokens alone. What stands for half a character (a lone surrogate) is read as unknown.

        Raises
        ------
        EncoderError
            If the tokenizer.json is missing, damaged, or not made for such a short context.
        """
        tokenizer = self._opened()
        # A tokenizer without special tokens gives an empty text none, and a graph wants one.
        return [tokenizer.encode(self._written(text)).ids or [self._tower.pad_id] for text in texts]

    def _written(self, text: str) -> str:
        if len(text) > (longest := self._tower.context * _CHARACTERS_PER_TOKEN):
            text = text.lstrip()[:longest]
        if self._tower.strip_punctuation:
            text = _BLANKS.sub(" ", text.translate(_PUNCTUATION)).strip()
        if self._tower.lowercase:
            text = text.lower()
        try:
            text.encode()
        except UnicodeEncodeError:
            # Two halves of a pair, as JSON writes emoji, become the character that they stand for.
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def _opened(self) -> "Tokenizer":
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._load()
            return self._tokenizer

    def _load(self) -> "Tokenizer":
        from tokenizers import Tokenizer  # 20 ms, which only text queries pay

        try:
            tokenizer = Tokenizer.from_str(self._path.read_text("utf-8"))
        except Exception as error:  # the library raises plain ones
            message = (
                f"{self._path} cannot be read as a tokenizer: {error}; pull or build the encoder "
                "again"
            )
            raise EncoderError(message) from error
        context, special = self._tower.context, tokenizer.num_special_tokens_to_add(is_pair=False)
        if context <= special:
            message = (
                f"{self._path} adds {special} special tokens to a text, which leaves nothing of a "
                f"context of {context}; the pack does not belong to this tokenizer"
            )
            raise EncoderError(message)
        tokenizer.no_padding()
        tokenizer.enable_truncation(context, stride=0, strategy="longest_first", direction="right")
        return tokenizer
