"""A recording's own metadata: lens, device, time and the camera's frame rate, from QuickTime tags."""

from __future__ import annotations

import contextlib
import math
import re
from pathlib import Path
from typing import Any

from av.container import InputContainer
from av.video.stream import VideoStream

from kinema.video.options import FPS_RANGE
from kinema.video.quicktime import quicktime_tags
from kinema.video.sony import capture_rate

# Kinema's key -> the tags that may hold it, the most specific first.
_TAGS = {
    "focal_35mm": (
        "com.apple.quicktime.camera.focal_length.35mm_equivalent", "focal_length_35mm", "FocalLengthIn35mmFilm",
        "FocalLengthIn35mmFormat",
    ),
    "make": ("com.apple.quicktime.make", "com.android.manufacturer", "make"),
    "model": ("com.apple.quicktime.model", "com.android.model", "model"),
    "capture_fps": ("com.android.capture.fps", "captureFps"),
    "created": ("com.apple.quicktime.creationdate", "creation_time", "date"),
}  # fmt: skip

_LENGTH = re.compile(
    r"\s*([0-9]{1,5}(?:[.,][0-9]{1,12})?)(?:\s*/\s*([0-9]{1,9}))?\s*(?:mm|millimet(?:er|re)s?)?\s*", re.I
)
"""A length in millimetres as cameras write it: 26, "26.00mm", "26 mm", "260/10", "26,0"."""


def container_tags(path: Path, container: InputContainer, stream: VideoStream) -> dict[str, Any]:
    """The entries of `_TAGS` that the stream, its track or the container carries; focal_35mm as float mm, capture_fps
    as float frames per second."""
    tags = {key.lower(): value for key, value in {**container.metadata, **stream.metadata}.items()}
    if "mp4" in container.format.name.split(","):
        with contextlib.suppress(OSError):
            tags = {**tags, **quicktime_tags(path)}
        if rate := capture_rate(path):
            tags["capturefps"] = rate
    found: dict[str, Any] = {}
    for key, names in _TAGS.items():
        value = next((tags[name.lower()] for name in names if tags.get(name.lower())), None)
        if value is not None:
            # Bytes that are not UTF-8 become lone surrogates, which files and terminals refuse.
            found[key] = value.encode(errors="surrogateescape").decode(errors="replace").strip()
    if "focal_35mm" in found:
        focal = plausible_focal(found.pop("focal_35mm"))
        if focal is not None:
            found["focal_35mm"] = focal
    if "capture_fps" in found:
        plausible = _plausible_rate(found.pop("capture_fps"))
        if plausible is not None:
            found["capture_fps"] = plausible
    return found


def _plausible_rate(value: str) -> float | None:
    with contextlib.suppress(ValueError):
        rate = float(value)
        if math.isfinite(rate) and FPS_RANGE[0] <= rate <= FPS_RANGE[1]:
            return rate
    return None


def plausible_focal(value: Any) -> float | None:
    """The focal length in mm (35 mm equivalent) if a real lens can have it, else None ("0" means unknown in EXIF)."""
    if isinstance(value, str):
        match = _LENGTH.fullmatch(value[:64])
        if match is None:
            return None
        value = float(match[1].replace(",", ".")) / float(match[2] or 1) if float(match[2] or 1) else math.nan
    with contextlib.suppress(TypeError, ValueError):
        focal = float(value)
        if math.isfinite(focal) and 4 <= focal <= 3000:
            return focal
    return None
