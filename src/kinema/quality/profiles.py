"""The rule sets of the validator, the diagnosis and the stabiliser, by name."""

from __future__ import annotations

PROFILES = ("default", "video2pkl")
"""Kinema's own rules, and those of the video2pkl pipeline."""

_ALIASES = {"fork": "video2pkl"}


def canonical_profile(name: str) -> str:
    """The profile that a name or an alias ("fork" for "video2pkl") stands for; other names unchanged."""
    return _ALIASES.get(name, name)
