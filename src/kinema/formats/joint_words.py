"""Interprets a joint's name from any program: its side, and which of SMPL's joints it is.

A name counts only if all of it is known, once decorations are taken off: namespaces (`mixamorig:`, `Armature|`), words
that most names of the skeleton share, the prefixes and suffixes below, the side. So helper bones (twist and roll bones,
`ik_foot_l`, `..._end`, `Nub`) and fingers are not joints. To add a system, add its words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

PARTS = {
    "hip": "upleg thigh upperleg legupper leg1 thighbend thighstretch femur",
    "knee": "knee shin calf lowleg lowerleg leglower leg2 tibia legstretch ひざ",
    "ankle": "ankle 足首",
    "foot": "toebase toe toes ball toe0 toe11 toes01 つま先",
    "collar": "collar clavicle collarbone scapula 肩",
    "shoulder": "uparm upperarm uarm armupper shldr shldrbend armstretch humerus 腕",
    "elbow": "forearm elbow lowarm lowerarm farm armlower forearmbend forearmstretch radius ひじ",
    "wrist": "wrist 手首",
}
"""Words, without separators and in lower case, that mean one joint of a side."""

LOOSE = {"hip": "hip", "leg": "leg", "足": "leg", "foot": "foot", "shoulder": "shoulder", "arm": "arm", "hand": "hand"}
"""Ambiguous words, which the other names of the skeleton resolve (see `joint_names`)."""

MIDLINE = {"neck": "neck lowerneck necklower necktwist01 首", "head": "head 頭"}

_PREFIXES = (
    r"armature|skeleton|skel|character\d*|bip\d*|valvebiped|cc_base|j_bip|m_avg|f_avg|def|b|bn|bone|bind|jnt|joint|jt"
)
_GLUED = r"mixamorig\d*|bip\d+|character\d+"
"""Prefixes that need no separator after them."""
_SUFFIXES = "jnt|jt|joint|bind|bnd|bone|skin|sk|def|x"

_SEPARATORS = r"[\s_.:/-]"
_OTHER = re.compile(r"[\W_]+")
_RUN = re.compile(rf"({_SEPARATORS}){_SEPARATORS}+")
_LEADING = re.compile(rf"^(?:(?:{_GLUED}){_SEPARATORS}*|(?:{_PREFIXES}){_SEPARATORS}+)(?=.)", re.IGNORECASE)
_TRAILING = re.compile(rf"(?<=.){_SEPARATORS}+(?:{_SUFFIXES})$", re.IGNORECASE)
_COPY = re.compile(r"(?<=.)\.\d{3}$")
"""Blender's number of a second bone of one name."""
_CENTRE = re.compile(rf"^(?:c|m|mid|center|centre){_SEPARATORS}+(?=.)|(?<=.){_SEPARATORS}+[cm]$", re.IGNORECASE)
_FIRST = re.compile(r"(?<=\D)0*[01]$")
"""The number of the first of several bones in a row."""

_SIDES = {"left": ("left", "l", "左"), "right": ("right", "r", "右")}
_FORMS = [
    (side, re.compile(form, flags))
    for spellings, flags in (
        ("^{0}{sep}*(.+)$ ^(.+?){sep}*{0}$ ^{1}{sep}+(.+)$ ^(.+?){sep}+{1}$ ^{2}(.+)$", re.IGNORECASE),
        ("^{1}([A-Z].*)$ ^{3}([A-Z].*)$", 0),
    )
    for side, words in _SIDES.items()
    for form in spellings.format(*words, words[1].upper(), sep=_SEPARATORS).split()
]
"""Side, and the form of a name that has it: leftHip, hip_left, l_hip, hip_l, 左足; then lHip and LHip."""
_SIDE_WORDS = {word for words in _SIDES.values() for word in words}
_SHARED = 0.6
_FEWEST = 5
"""Share of the names that a word must begin or end to be a decoration, and the least number of names."""

_LONGEST = 100
"""Characters of a name that may mean a joint."""

_BY_WORD = {word: part for part, words in PARTS.items() for word in words.split()} | LOOSE
_BY_MIDLINE_WORD = {word: part for part, words in MIDLINE.items() for word in words.split()}


@dataclass(frozen=True)
class Meaning:
    """side: "left", "right" or "" on the midline. part: a key of `PARTS` or `MIDLINE`, or a word of `LOOSE`, in which
    case `loose` is true. rank: 0 for a plain name, more for one that was read with its number left out.
    """

    side: str
    part: str
    loose: bool
    rank: int


def meanings(names: Sequence[str]) -> list[Meaning | None]:
    """The meaning of each name of a skeleton, None for those that are not a joint of `PARTS`, `LOOSE` or `MIDLINE`."""
    return [_meaning(name) for name in undecorated(names)]


def undecorated(names: Sequence[str]) -> list[str]:
    """The names without namespaces and without the words that most of them begin or end with."""
    bare = [re.split(r"[:|]", name.strip(" :|"))[-1].strip() for name in names]
    bare = [_RUN.sub(r"\1", name) if len(name) <= _LONGEST else "" for name in bare]
    for place in (0, -1):
        while (word := _shared_word(bare, place)) is not None:
            edge = (
                rf"^{re.escape(word)}{_SEPARATORS}+(?=.)" if place == 0 else rf"(?<=.){_SEPARATORS}+{re.escape(word)}$"
            )
            bare = [re.sub(edge, "", name, flags=re.IGNORECASE) for name in bare]
    return bare


def split_side(name: str) -> tuple[str, str]:
    """("left", "upleg") of "mixamorig:LeftUpLeg"; the side is empty for joints on the midline."""
    name = _bare(re.split(r"[:|]", name)[-1])
    if plain(name) in _BY_MIDLINE_WORD:  # LOWERNECK is no left joint
        return "", plain(name)
    for side, form in _FORMS:
        if match := form.match(name):
            return side, plain(_bare(match.group(1)))
    whole = plain(name)
    for side, (_, letter, _) in _SIDES.items():  # lhip, thighR: only where the rest is a joint
        for rest in (whole[1:] if whole[:1] == letter else "", whole[:-1] if whole[-1:] == letter else ""):
            if rest in _BY_WORD:
                return side, rest
    return "", plain(_CENTRE.sub("", name))


def plain(name: str) -> str:
    """A name in lower case, with only its letters and digits."""
    return _OTHER.sub("", name.lower())


def _bare(name: str) -> str:
    """A name without the known prefixes and suffixes."""
    name = name.strip()
    for pattern in (_LEADING, _COPY, _TRAILING):
        while (shorter := pattern.sub("", name)) != name:
            name = shorter
    return name


def _meaning(name: str) -> Meaning | None:
    side, word = split_side(name)
    known = _BY_WORD if side else _BY_MIDLINE_WORD
    copied = int(_COPY.search(_TRAILING.sub("", name)) is not None)
    for rank, form in enumerate((word, _FIRST.sub("", word))):
        if form in known:
            return Meaning(side, known[form], bool(side) and form in LOOSE, rank + copied)
    return None


def _shared_word(names: Sequence[str], place: int) -> str | None:
    """The word that most names begin (place 0) or end (-1) with, if it is a decoration."""
    words = Counter(parts[place] for name in names if len(parts := re.split(_SEPARATORS + "+", name.lower())) > 1)
    if len(names) < _FEWEST or not words:
        return None
    word, count = words.most_common(1)[0]
    return word if word and count >= _SHARED * len(names) and word not in _SIDE_WORDS else None
