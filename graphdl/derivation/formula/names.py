"""What a typed name means: ŷ is also yhat, y_hat and \\hat{y}; W⁽¹⁾ is also W1, W_1 and W^(1).

Two spellings are the same name when their plain spelling is: accents and Greek letters as words,
raised and lowered digits as digits, without brackets and underscores.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

_ACCENTS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0307": "dot"}
_DROPPED = frozenset("_(){}^⁽⁾₍₎‹› ")


def plain_spelling(name: str) -> str:
    """The letters and digits of a name, as they are typed without any special key."""
    return "".join(map(_spelt, unicodedata.normalize("NFKD", name)))


def _spelt(c: str) -> str:
    if c in _DROPPED:
        return ""
    if c in _ACCENTS:
        return _ACCENTS[c]
    words = unicodedata.name(c, "").split()
    if words[:1] == ["GREEK"]:
        word = "lambda" if words[-1] == "LAMDA" else words[-1].lower()
        return word.capitalize() if "CAPITAL" in words else word
    return "'" if c == "′" else c


class Names:
    """The names that a formula may use. `aliases` are further spellings: δ2 for ∂J/∂z2.

    A name as it is printed comes first, then a plain spelling that only one name has, then aliases.
    """

    def __init__(self, names: Iterable[str], aliases: Mapping[str, str] | None = None) -> None:
        self.printed = tuple(dict.fromkeys(names))
        self._plain: dict[str, str | None] = {}
        for name in self.printed:
            key = plain_spelling(name)
            self._plain[key] = None if key in self._plain else name
        self._aliases = {plain_spelling(k): v for k, v in (aliases or {}).items()}

    def find(self, typed: str) -> str | None:
        """The printed name that is meant, or None."""
        typed = unicodedata.normalize("NFC", typed)
        if typed in self.printed:
            return typed
        key = plain_spelling(typed)
        return self._plain.get(key) or self._aliases.get(key)

    def near(self, typed: str) -> str | None:
        """The name that differs in capitals only."""
        key = plain_spelling(typed).lower()
        found = [n for n in self.printed if plain_spelling(n).lower() == key]
        return found[0] if len(found) == 1 else None

    def at(self, text: str, start: int) -> str | None:
        """The longest printed name that stands at this place of a text."""
        found = [n for n in self.printed if text.startswith(n, start) and _ends(text, start, n)]
        return max(found, key=len, default=None)


def _ends(text: str, start: int, name: str) -> bool:
    """Does no further letter, digit or mark belong to the name?"""
    following = text[start + len(name) : start + len(name) + 1]
    joined = (
        following.isalnum()
        or following in ("_", "'", "′")
        or unicodedata.combining(following or " ")
    )
    return not joined or (following in "'′" and name[-1] in "'′")
