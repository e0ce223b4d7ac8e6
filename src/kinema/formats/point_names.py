"""Interprets the labels of a marker file: joints and landmarks under the names of many programs, or skin markers.

Kinema's own export has SMPL's joints. OpenPose, Halpe, Pose2Sim and markerless systems name joints by a side and a part
(`RHip`, `r_knee`, `Left Shoulder`, `ankle_l`), joint centres of gait models by their initials (`LHJC`). Markers on the
skin (`LASI`, `R.Knee.Lat`) are none of these: a joint lies centimetres beneath them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kinema.skeleton import HALPE26, SMPL24

_PARTS = {
    **{part: part for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist", "heel", "eye", "ear")},
    "hjc": "hip", "kjc": "knee", "ajc": "ankle", "sjc": "shoulder", "ejc": "elbow", "wjc": "wrist",
    "hipjc": "hip", "kneejc": "knee", "anklejc": "ankle", "shoulderjc": "shoulder", "elbowjc": "elbow",
    "wristjc": "wrist",
    "bigtoe": "big_toe", "toe": "big_toe", "toes": "big_toe", "smalltoe": "small_toe", "littletoe": "small_toe",
}  # fmt: skip
_CENTRE = re.compile(r"jc|joint.?cent", re.IGNORECASE)
_MIDDLE = {
    "midhip": "mid_hip", "chip": "mid_hip", "hip": "mid_hip", "hips": "mid_hip", "pelvis": "mid_hip", "root": "mid_hip",
    "hipcenter": "mid_hip", "neck": "neck", "nose": "nose", "head": "head_top", "headtop": "head_top",
    "tophead": "head_top", "vertex": "head_top",
}  # fmt: skip

_SKIN = re.compile(
    r"^[lr]?[._ ]*(asis?|psis?|thi[abdl]?|tib[abdl]?|kne|ank|hee|sho|elb|upa|fra|wr[ab]|fin|fhd|bhd|bak|mt[p15]?)$"
    r"|^(c7|t10|clav|strn|sacr|rbak|v[._]?sacral)$|asis|psis|sacrum|malleol|epicond|acromi|[._](lat|med)(eral|ial)?$",
    re.IGNORECASE,
)

REQUIRED = tuple(f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder") for side in ("left", "right"))
"""Points without which a body's pose is a guess."""


def known_points(labels: Sequence[str]) -> tuple[str, dict[str, int]]:
    """The set that the labels belong to, "smpl24" or "halpe26", and the indices of its points among the labels.

    SMPL's own names mean SMPL's joints where nearly all are there (SMPL's head is a joint in the skull, a marker set's
    "Head" is the top of the head).
    """
    exact = {label: place for place, label in enumerate(labels) if label in SMPL24}
    if len(exact) >= len(SMPL24) - 4:
        return SMPL24.name, exact
    points = [_point(label) for label in labels]
    centres = {name: place for place, name in enumerate(points) if name and _CENTRE.search(labels[place])}
    plain = {name: place for place, name in reversed(list(enumerate(points))) if name and place not in centres.values()}
    # Among skin markers "R.Knee" is one, too, unless there are hips: no skin marker lies on a hip joint.
    joints = not on_the_skin(labels) or {"left_hip", "right_hip"} <= set(plain)
    found = {**(plain if joints else {}), **centres}
    return HALPE26.name, {name: place for name, place in found.items() if name in HALPE26}


def on_the_skin(labels: Sequence[str]) -> list[str]:
    """The labels that are customary for markers on the skin."""
    return [label for label in labels if _SKIN.search(label.strip())]


def _point(label: str) -> str | None:
    """The point of Halpe's set that a label names, None for any other."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", label.strip())
    words = [word for word in re.split(r"[\s_.\-]+", spaced.lower()) if word not in ("", "joint", "centre", "center")]
    if not words:
        return None
    joined = "".join(words)
    if joined in _MIDDLE:
        return _MIDDLE[joined]
    for end in (0, -1):
        if len(words) > 1 and words[end] in ("l", "left", "r", "right"):
            rest = "".join(words[1:] if end == 0 else words[:-1])
            return f"{'left' if words[end][0] == 'l' else 'right'}_{_PARTS[rest]}" if rest in _PARTS else None
    if joined[0] in "lr" and joined[1:] in _PARTS:
        return f"{'left' if joined[0] == 'l' else 'right'}_{_PARTS[joined[1:]]}"
    return None
