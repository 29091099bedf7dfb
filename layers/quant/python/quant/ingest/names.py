"""Match the names under which members file to members of Congress, conservatively.

A wrong match would put one person's trades on another, so a name is matched only when exactly one
member of the chamber fits: the last name, a given name, no contradicting middle name and, for the
House, the state must all agree. Everything else stays unmatched and is reported.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from quant.vocabulary import Chamber

_HONORIFICS: Final = frozenset(
    {"mr", "mrs", "ms", "miss", "dr", "hon", "honorable", "rep", "representative", "senator"}
    | {"congressman", "congresswoman", "md", "facs", "dds", "dvm", "phd", "esq"}
)
_SUFFIXES: Final = frozenset({"jr", "sr", "ii", "iii", "iv"})
_NICKNAME: Final = re.compile(r"\"([^\"]*)\"|\(([^()]*)\)")
_STATE_DISTRICT: Final = re.compile(r"([A-Z]{2})(\d{2})")

# English short forms that members of Congress file or are listed under.
_SHORT_FORMS: Final = (
    ("abigail", "abby"),
    ("andrew", "andy"),
    ("benjamin", "ben"),
    ("bernard", "bernie"),
    ("bradley", "brad"),
    ("catherine", "cathy"),
    ("charles", "chuck", "charlie"),
    ("christopher", "chris"),
    ("cynthia", "cindy"),
    ("daniel", "dan", "danny"),
    ("david", "dave"),
    ("deborah", "debbie", "deb"),
    ("donald", "don"),
    ("douglas", "doug"),
    ("edward", "ed", "eddie"),
    ("elizabeth", "liz"),
    ("gregory", "greg"),
    ("jacklyn", "jacky"),
    ("jacob", "jake"),
    ("james", "jim", "jimmy"),
    ("jeffrey", "jeff"),
    ("joseph", "joe"),
    ("joshua", "josh"),
    ("kenneth", "ken"),
    ("margaret", "maggie"),
    ("matthew", "matt"),
    ("michael", "mike"),
    ("mitchell", "mitch"),
    ("nicholas", "nick"),
    ("patrick", "pat"),
    ("peter", "pete"),
    ("richard", "rich", "rick", "dick"),
    ("robert", "rob", "bob", "bobby"),
    ("ronald", "ron"),
    ("samuel", "sam"),
    ("stephen", "steven", "steve"),
    ("susan", "sue"),
    ("theodore", "ted"),
    ("thomas", "tom", "thom", "tommy"),
    ("timothy", "tim"),
    ("victoria", "vicky"),
    ("william", "bill", "will"),
)
_SAME_NAME: Final = {name: frozenset(group) for group in _SHORT_FORMS for name in group}

# Names the rules cannot reach, each with the member it belongs to.
KNOWN_ALIASES: Final[Mapping[tuple[Chamber, str], str]] = {
    # Filed under his legal first name, Rafael; congress-legislators has only Ted.
    (Chamber.SENATE, "rafael e cruz"): "C001098",
}


@dataclass(frozen=True)
class FilerName:
    """A filer's name in parts; every part is folded to lower-case ASCII."""

    words: tuple[str, ...]
    nicknames: tuple[str, ...]
    state: str | None


def fold(text: str) -> str:
    """Return text in lower case without diacritics, typographic quotes or apostrophes."""
    plain = text.translate({0x201C: '"', 0x201D: '"', 0x2018: None, 0x2019: None, 0x27: None})
    decomposed = unicodedata.normalize("NFKD", plain)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).lower()


def _words(text: str) -> list[str]:
    # Initials lose their full stop and "M.D." becomes "md"; every other mark separates words.
    return re.findall(r"[a-z0-9]+", fold(text).replace(".", ""))


def _significant(words: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for word in words:
        doubled = bool(kept) and kept[-1] == word  # "Scott Scott Franklin"
        if not doubled and word not in _HONORIFICS and word not in _SUFFIXES:
            kept.append(word)
    return kept


def normalise_name(name: str, state: str | None = None) -> str:
    """Return the alias of a filer's name: the form under which it is stored and matched.

    Honorifics, degrees, suffixes and punctuation go; nicknames stay, in parentheses; the state,
    where the filer's is known, comes last: ``'Robert C. "Bobby" Scott'`` of VA gives
    ``'robert c (bobby) scott, va'``. The result is '' when no name is left, and normalising an
    alias again changes nothing.
    """
    position = 0
    folded = fold(name)
    plain: list[str] = []
    for match in _NICKNAME.finditer(folded):
        plain += _words(folded[position : match.start()])
        plain.append("(" + " ".join(_words(match[1] or match[2] or "")) + ")")
        position = match.end()
    plain += _words(folded[position:])
    parts = [word for word in _significant(plain) if word != "()"]
    if not any(not word.startswith("(") for word in parts):
        return ""
    alias = " ".join(parts)
    return f"{alias}, {state.lower()}" if state else alias


def first_and_last(display_name: str) -> tuple[str, str]:
    """Return a display name's first and last word, suffixes such as 'Jr' aside."""
    words = display_name.replace(",", " ").split()
    named = [word for word in words if _significant(_words(word))] or words
    return named[0], named[-1]


def parse_alias(alias: str) -> FilerName:
    """Take an alias apart again."""
    name, _, state = alias.partition(", ")
    nicknames = tuple(word for match in re.findall(r"\(([^()]*)\)", name) for word in match.split())
    words = tuple(re.sub(r"\([^()]*\)", " ", name).split())
    return FilerName(words, nicknames, state.upper() or None)


def parse_state_district(value: str) -> tuple[str | None, int | None]:
    """Read 'NJ07' as ('NJ', 7); '00' is a state's only, at-large district."""
    match = _STATE_DISTRICT.fullmatch(value.strip().upper())
    return (match[1], int(match[2])) if match else (None, None)


@dataclass(frozen=True)
class Filer:
    """Who files, as the source names them; ``alias`` is what names are matched by."""

    chamber: Chamber
    alias: str
    display_name: str
    state: str | None = None
    district: int | None = None

    @classmethod
    def named(
        cls, chamber: Chamber, name: str, state: str | None = None, district: int | None = None
    ) -> "Filer | None":
        """Return the filer with this name, or None where no name is left of it."""
        display = " ".join(name.replace(" ,", ",").split()).rstrip(", ")
        alias = normalise_name(display, state)
        return cls(chamber, alias, display, state, district) if alias else None


@dataclass(frozen=True)
class Member:
    """A member of Congress as far as names need it."""

    bioguide_id: str
    last_names: frozenset[tuple[str, ...]]
    given_names: frozenset[str]  # whole words, two letters or more
    main_names: frozenset[str]  # what the member goes by: first names and nicknames
    initials: frozenset[str]
    middle_known: bool
    house_states: frozenset[str]
    senator: bool

    @classmethod
    def from_record(
        cls, bioguide_id: str, names: Mapping[str, Any], terms: Sequence[Mapping[str, Any]]
    ) -> "Member":
        """Read a congress-legislators record's ``name`` and ``terms``."""
        last_names = set[tuple[str, ...]]()
        given, main = set[str](), set[str]()
        for entry in [names, *(names.get("other_names") or [])]:
            last = tuple(_significant(_words(str(entry.get("last") or names.get("last") or ""))))
            if last:
                last_names.add(last)
            first = _words(str(entry.get("first") or ""))
            nickname = _words(str(entry.get("nickname") or ""))
            main.update(first[:1], nickname)
            given.update(first, nickname, _words(str(entry.get("middle") or "")))
        official = parse_alias(normalise_name(str(names.get("official_full") or "")))
        for last in list(last_names):
            if official.words[-len(last) :] == last and len(official.words) > len(last):
                before = official.words[: -len(last)]
                main.update(before[:1], official.nicknames)
                given.update(before, official.nicknames)
        # Of "J. French Hill" and "C. Scott Franklin" the second name is the one in use.
        if all(len(word) == 1 for word in main):
            main.update(given)
        return cls(
            bioguide_id=bioguide_id,
            last_names=frozenset(last_names),
            given_names=frozenset(word for word in given if len(word) > 1),
            main_names=frozenset(word for word in main if len(word) > 1),
            initials=frozenset(word[0] for word in given)
            | {name[0] for word in main for name in _SAME_NAME.get(word, ())},
            middle_known=bool(names.get("middle")),
            house_states=frozenset(str(t.get("state")) for t in terms if t.get("type") == "rep"),
            senator=any(term.get("type") == "sen" for term in terms),
        )

    def fits(self, filer: FilerName, chamber: Chamber) -> bool:
        """Say whether the filer's name can only be understood as this member's."""
        if chamber is Chamber.HOUSE:
            if filer.state is None or filer.state not in self.house_states:
                return False
        elif not self.senator:
            return False
        return any(self._fits_given(filer, last) for last in self.last_names)

    def _fits_given(self, filer: FilerName, last: tuple[str, ...]) -> bool:
        before = filer.words[: -len(last)]
        if filer.words[-len(last) :] != last or not before:
            return False
        whole = (word for word in (*before, *filer.nicknames) if len(word) > 1)
        agree = any(_same_as_any(word, self.main_names) for word in whole)
        if not agree and before[0] not in self.given_names:
            return False
        # A further name speaks against a member whose own further names are known.
        return not self.middle_known or all(word[0] in self.initials for word in before)


def _same_as_any(word: str, names: Iterable[str]) -> bool:
    same = _SAME_NAME.get(word, frozenset({word}))
    return any(name in same for name in names)


class Roster:
    """The members a filer's name is matched against."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._by_last_word: dict[str, list[Member]] = defaultdict(list)
        self._ids: set[str] = set()
        for member in members:
            self._ids.add(member.bioguide_id)
            for word in {last[-1] for last in member.last_names}:
                self._by_last_word[word].append(member)

    def match(self, chamber: Chamber, alias: str) -> str | None:
        """Return the Bioguide identifier of the only member the alias fits, or None."""
        known = KNOWN_ALIASES.get((chamber, alias))
        if known in self._ids:
            return known
        filer = parse_alias(alias)
        if not filer.words:
            return None
        fitting = {
            member.bioguide_id
            for member in self._by_last_word[filer.words[-1]]
            if member.fits(filer, chamber)
        }
        return fitting.pop() if len(fitting) == 1 else None
