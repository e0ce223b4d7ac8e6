"""Settings of person masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.errors import UsageError
from kinema.options import setting

SOURCES = {
    "blazepose": "each tracked person, by the keypoint network's own masks; no torch (default)",
    "maskrcnn": "each tracked person, by Mask R-CNN (torch and its checkpoint)",
    "deeplabv3": "all people together, by DeepLabV3 (torch and its checkpoint)",
}
"""Where masks come from, by name."""


@dataclass(frozen=True)
class MaskOptions:
    """What masks are made by. checkpoint: of the sources in torch. clean: fill gaps in each mask and clear what lies
    far from the person (`kinema.segmentation.cleanup`)."""

    source: str = setting("blazepose", "what gives the masks", public="masks", choices=tuple(SOURCES), metavar="SOURCE")
    checkpoint: Path | None = setting(
        None,
        "the published weights of maskrcnn or deeplabv3 (default: the cache's)",
        public="mask_checkpoint",
        metavar="FILE",
    )
    clean: bool = setting(False, "fill gaps in masks, clear what lies far from the person", public="morph_cleanup")

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise UsageError(f"unknown source of masks {self.source!r}; known: {', '.join(SOURCES)}")
        if self.source == "blazepose" and self.checkpoint is not None:
            raise UsageError(
                "the masks of blazepose have no checkpoint; leave out `mask_checkpoint`, or choose `masks`"
            )
