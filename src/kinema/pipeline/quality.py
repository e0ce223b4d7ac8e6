"""`quality` of a run: presets for the settings of the keypoint source. docs/accuracy.md has their accuracy.

The user's settings take precedence over a preset's; settings that belong together (a source, its detector, flip) are
taken together or not at all.
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
"""The same with only networks that are cleared for commercial use."""

_ONLY_WITH_KEYPOINTS = ("flip", "detector")
"""Settings that a preset chooses for its own keypoint source only."""


def chosen(settings: Mapping[str, Any], *, cleared: bool = False) -> dict[str, Any]:
    """The settings that the preset named by `settings["quality"]` adds, by public names; {} without a preset.

    settings: None for those the user does not set. cleared: only networks that are cleared for commercial use. Raises
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
    """A sentence on what a run with a preset uses: which keypoints, and whether also those of the mirrored image."""
    mirrored = " with `flip`" if flip else ""
    return f"`quality` {quality}: `keypoints` {keypoints}{mirrored}"
