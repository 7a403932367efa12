"""Text turned into the words it is searched by: whole as they are written, and in their parts."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Word", "code_of", "is_one_off", "read_words"]

# Scripts that are written without blanks between words, and Hangul, whose particles cling to them:
# searched by pairs of characters.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Marks within words, which Python does not count among their letters.
_ACCENTS, _VOWELS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f", "\u0900-\u0963\u0966-\u0dff"
_LETTER = f"(?:(?![{_UNSPACED}])[^\\W_][{_ACCENTS}{_VOWELS}]*)"
_LINK = r"(?:[-'&/._+]|(?<=\d),(?=\d))"
_SIGN = f"(?:[+#]{{1,2}}(?!{_LETTER}))"
_TOKEN = re.compile(f"[{_UNSPACED}]+|{_LETTER}+(?:{_LINK}{_LETTER}+)*{_SIGN}?")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_SPELT = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u2018\u2019\u02bc", "'")
    | {"\u00d7": "x"}
    | dict.fromkeys("\u00ad\u200b\u200c\u200d\ufeff", "")  # seen by nobody
)
# Of Cyrillic й the breve is no accent: it is a letter of its own.
_ACCENT = re.compile(f"(?<!\u0438)[{_ACCENTS}]|(?<=\u0438)(?!\u0306)[{_ACCENTS}]")
_PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_BETWEEN_LETTERS = re.compile(r"(?<!\d)[-'&/._+](?=.)|[-'&/._+](?=\D)")
_BETWEEN_WORDS = re.compile(r"(?<!\d)[-'&/._+](?=.)|[-'&/._+](?=\D)|(?<=\d)[-'&/_+](?=\d)")
_NUMBER_OR_NAME = re.compile(r"\d+(?:\.\d+)*|\D+")
_SIGNS = re.compile("[+#]*$")
_DIGIT = re.compile(r"\d")
_LONGEST = 64
"""Characters of a word that are kept: what is longer is no word."""
_SHORTEST_CODE, _SHORTEST_NUMBER = 4, 5


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text; every spelling is folded: without case and accents.

    ``AB-1234`` is ``ab1234`` as a whole, and the two words ``ab`` and ``1234``; ``XR12`` is
    ``xr12``, with the pieces ``xr`` and ``12``; ``Müllers`` is ``mullers``, with the pieces
    ``muellers`` and ``muller``. Of text without blanks, such as Chinese, every pair of neighbours
    is a word, and its characters are its pieces.
    """

    whole: str
    words: tuple[str, ...] = ()
    """What is written apart within it; nothing where that is the whole."""
    pieces: tuple[str, ...] = ()
    """What else it is found by."""

    @property
    def has_digit(self) -> bool:
        """Whether it is a number or a code, of which no letter may be another."""
        return _DIGIT.search(self.whole) is not None


def read_words(text: str) -> Iterator[Word]:
    """Read the words of a text, in their order.

    Letters are compared without case and accents, full and half width alike. Dots and commas within
    numbers are kept, and dashes and slashes between digits: sizes such as ``10.5`` or ``50-60`` are
    no other numbers. ``C++`` and ``C#`` keep their signs.
    """
    for token in _tokens(text):
        if _IS_UNSPACED.match(token):
            yield from _pairs(token)
        else:
            yield _word(token)


def code_of(identifier: str) -> str | None:
    """Return the one word that an id is looked for by, None where it is no telling one.

    Telling are ids with letters and digits, of four characters or more, and numbers of five digits
    or more: a shorter one is more likely to be meant as a number.
    """
    wholes = [whole for token in _tokens(identifier) for whole in _wholes(token)]
    whole = "".join(wholes)[:_LONGEST]
    shortest = _SHORTEST_NUMBER if whole.isdecimal() else _SHORTEST_CODE
    return whole if len(whole) >= shortest and _DIGIT.search(whole) else None


def is_one_off(word: str, other: str) -> bool:
    """Say whether two words are one slip apart: a letter more, less or other, or two swapped."""
    if abs(len(word) - len(other)) > 1 or word == other:
        return False
    same = next((at for at, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), None)
    if same is None:
        return True  # the longer one has a letter more at its end
    left, right = word[same:], other[same:]
    is_swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return is_swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]


def _tokens(text: str) -> list[str]:
    tokens: list[str] = _TOKEN.findall(_spelt(text))
    return tokens


def _spelt(text: str) -> str:
    if text.isascii():  # what follows would change nothing else
        return text.lower()
    folded = unicodedata.normalize("NFKC", text.translate(_SPELT)).casefold()
    return unicodedata.normalize("NFC", folded)


def _folded(token: str) -> str:
    if token.isascii():
        return token[:_LONGEST]
    bare = _ACCENT.sub("", unicodedata.normalize("NFD", token))
    return unicodedata.normalize("NFC", bare).translate(_PLAIN)[:_LONGEST]


def _pairs(run: str) -> Iterator[Word]:
    if len(run) == 1:
        yield Word(run)
    for first, second in pairwise(run):
        yield Word(first + second, pieces=tuple(dict.fromkeys((first, second))))


def _unsigned(token: str) -> tuple[str, str]:
    """Split a token into what is before its signs, with numbers as they are compared, and these."""
    signs = _SIGNS.search(token)
    token, sign = (token[: signs.start()], signs[0]) if signs else (token, "")
    return _THOUSANDS.sub("", token).replace(",", "."), sign


def _wholes(token: str) -> list[str]:
    """Return the words of a token as wholes, without their parts."""
    if _IS_UNSPACED.match(token):
        return [pair.whole for pair in _pairs(token)]
    return [_whole(*_unsigned(token))]


def _whole(bare: str, sign: str) -> str:
    return _folded(_BETWEEN_LETTERS.sub("", bare)) + sign


def _word(token: str) -> Word:
    bare, sign = _unsigned(token)
    whole = _whole(bare, sign)
    apart = _BETWEEN_WORDS.split(bare)
    words = [_folded(part) for part in apart] if len(apart) > 1 or sign else []
    pieces = [piece for part in apart for piece in _pieces(part)]
    found = {whole, *words}
    return Word(
        whole,
        tuple(dict.fromkeys(words)),
        tuple(piece for piece in dict.fromkeys(pieces) if piece not in found),
    )


def _pieces(part: str) -> Iterator[str]:
    """Return what a part without links is found by: numbers and names in it, other spellings."""
    folded = _folded(part)
    if len(split := _NUMBER_OR_NAME.findall(folded)) > 1:
        yield from split
    if (spelt_out := _folded(part.translate(_TWO_LETTERS))) != folded:
        yield spelt_out
    if (singular := _singular(folded)) != folded:
        yield singular


def _singular(word: str) -> str:
    """Return an English noun in the singular, by the rules of Harman (1991)."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and word[-2] not in "su":
        return word[:-1]
    return word
