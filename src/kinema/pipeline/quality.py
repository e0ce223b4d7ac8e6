"""`quality` of a run: presets that fill the settings of where keypoints come from. docs/accuracy.md has what they give.

What the user sets goes before what a preset would choose; settings that belong together (a source, its detector, flip)
are taken together or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kinema.errors import UsageError

QUALITIES: dict[str, dict[str, Any]] = {
    "fast": {},
    "good": {"keypoints": "blazepose+rtmpose-s-halpe26"},
    "best": {"keypoints": "blazepose-heavy+rtmpose-s-halpe26", "flip": True},
}
"""Name -> settings by their public names."""

CLEARED: dict[str, dict[str, Any]] = {
    "fast": {},
    "good": {"keypoints": "blazepose-heavy"},
    "best": {"keypoints": "blazepose-heavy", "flip": True},
}
"""The same where nothing is wanted that is not cleared for commercial use."""

_ONLY_WITH_KEYPOINTS = ("flip", "detector")
"""Settings that a preset chooses for its source of keypoints, and for no other."""


def chosen(settings: Mapping[str, Any], *, cleared: bool = False) -> dict[str, Any]:
    """What the preset that `settings["quality"]` names adds to the other settings, by public names; {} without one.

    settings: None where the user sets nothing. cleared: only networks that are cleared for commercial use. Raises
    UsageError for an unknown preset.
    """
    name = settings.get("quality")
    if name is None:
        return {}
    if name not in QUALITIES:
        raise UsageError(f"`quality` must be one of {', '.join(QUALITIES)}, found {name!r}")
    preset = (CLEARED if cleared else QUALITIES)[name]
    own_source = settings.get("keypoints") is not None
    return {
        setting: value
        for setting, value in preset.items()
        if settings.get(setting) is None and not (own_source and setting in _ONLY_WITH_KEYPOINTS)
    }


def in_words(quality: str, keypoints: str, flip: bool) -> str:
    """What a run with a preset uses, in a sentence: which keypoints, and whether those of the mirrored picture, too."""
    mirrored = " with `flip`" if flip else ""
    return f"`quality` {quality}: `keypoints` {keypoints}{mirrored}"
