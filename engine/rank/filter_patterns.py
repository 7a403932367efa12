"""Patterns of LIKE and of regexp_match turned into what Polars runs, small enough to be quick."""

import re

import polars as pl

__all__ = ["MAX_WEIGHT", "PatternError", "found_in", "like", "like_weight", "weight"]

MAX_WEIGHT = 1_000
"""What all patterns of one filter may weigh together. The matching is linear in the text, but every
character of it may cost a step per part of the pattern: so much takes a second for the titles of
100,000 items at worst."""

_MAX_LENGTH = 2_000
_UNICODE = 20  # \w and its like are states for hundreds of ranges
_ANY = 10
_REPEATS = re.compile(r"\{\s*([0-9]+)?\s*(?:,\s*([0-9]+)?\s*)?\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]", re.DOTALL)
_VERBOSE = re.compile(r"\(\?[a-zA-Z-]*x[a-zA-Z-]*[:)]")
_ESCAPED = re.compile(r"\\(?:[pPxuU]\{[^}]*\}|[pP].|.)", re.DOTALL)


class PatternError(ValueError):
    """A pattern that cannot be run; `at` is the place in it, None if that is not known."""

    def __init__(self, what: str, at: int | None = None) -> None:
        super().__init__(what)
        self.at = at


def like(text: pl.Expr, pattern: str) -> pl.Expr:
    """Match whole texts: % stands for any run, _ for one character, a backslash takes both as such.

    Case matters. A backslash before any other character is itself, as in Shaped.

    Raises
    ------
    PatternError
        If the pattern is too long.
    """
    _check_length(pattern)
    pieces = re.findall(r"\\[%_\\]|%+|_|[^%_\\]+|\\", pattern)
    plain = [piece[1:] if len(piece) == 2 and piece[0] == "\\" else piece for piece in pieces]
    is_run = [piece[0] == "%" for piece in pieces]
    if "_" not in pieces and (quick := _quick(text, plain, is_run)) is not None:
        return quick
    parts = [
        "." if piece == "_" else ".*" if run else re.escape(word)
        for piece, run, word in zip(pieces, is_run, plain, strict=True)
    ]
    return text.str.contains(f"(?s)^{''.join(parts)}$")


def _quick(text: pl.Expr, plain: list[str], is_run: list[bool]) -> pl.Expr | None:
    """Match what begins with, ends with, holds or is one word, without an automaton."""
    word = "".join(piece for piece, run in zip(plain, is_run, strict=True) if not run)
    middle = is_run[1:-1] if len(is_run) > 1 else []
    if any(middle):
        return None
    if not plain or not any(is_run):
        return text == word
    if is_run[0] and is_run[-1]:
        return text.str.contains(word, literal=True)
    return text.str.ends_with(word) if is_run[0] else text.str.starts_with(word)


def found_in(text: pl.Expr, pattern: str) -> pl.Expr:
    """Find a regular expression, of the syntax of Rust's `regex`, anywhere in texts.

    That matches in time linear in the text: there is nothing that backtracks.

    Raises
    ------
    PatternError
        If it does not parse.
    """
    expression = text.str.contains(pattern)
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.ComputeError as error:
        raise _explained(str(error)) from error
    return expression


def like_weight(pattern: str) -> int:
    """Estimate the same of a pattern of LIKE: words in it cost nothing."""
    return _ANY * pattern.count("_") + pattern.count("%")


def weight(pattern: str) -> int:
    """Estimate how many states a regular expression compiles to, repeats counted out.

    Raises
    ------
    PatternError
        If the pattern is too long, or has the flag x, under which blanks hide what is repeated.
    """
    _check_length(pattern)
    if verbose := _VERBOSE.search(pattern):
        what = "the pattern cannot be read: the flag x, blanks and comments in it, is not taken,"
        raise PatternError(what, verbose.start())
    sums, last, place = [0], 0, 0
    while place < len(pattern):
        character = pattern[place]
        if (repeats := _REPEATS.match(pattern, place)) and place:
            times = max(int(number or 1) for number in repeats.groups(default="1"))
            sums[-1] += last * (max(times, 1) - 1)
            last *= max(times, 1)
            place = repeats.end()
            continue
        step, own = _atom(pattern, place)
        if character == "(":
            sums.append(0)
        elif character == ")" and len(sums) > 1:
            last = sums.pop() + 1
            sums[-1] += last
        elif character not in "*+?":
            last = own
            sums[-1] += own
        place += step
    return sum(sums)


def _atom(pattern: str, place: int) -> tuple[int, int]:
    """Return how long the atom at `place` is, and what it weighs."""
    if escaped := _ESCAPED.match(pattern, place):
        return len(escaped[0]), _UNICODE if escaped[0][1] in "wWdDsSpP" else 1
    if found := _CLASS.match(pattern, place):
        classes = len(re.findall(r"\\[wWdDsSpP]", found[0]))
        return len(found[0]), _ANY + _UNICODE * classes if "^" in found[
            0
        ] else 2 + _UNICODE * classes
    return 1, _ANY if pattern[place] == "." else 1


def _check_length(pattern: str) -> None:
    if len(pattern) > _MAX_LENGTH:
        message = f"the pattern is {len(pattern):,} characters long; keep it under {_MAX_LENGTH:,}"
        raise PatternError(message)


def _explained(message: str) -> PatternError:
    """Take the reason, and of a pattern of one line the place, out of what the library says."""
    reasons = re.findall(r"^error: (.+)$", message, re.MULTILINE)
    if not reasons:
        first = message.split("\n", 1)[0].removeprefix("regex error: ").rstrip(".")
        return PatternError(f"the pattern cannot be used: {first[0].lower()}{first[1:]}")
    caret = re.search(r"^    ( *)\^", message, re.MULTILINE)
    return PatternError(
        f"the pattern cannot be read: {reasons[-1]}", len(caret[1]) if caret else None
    )
