"""Visualizing motion: the renderer, the overlay on the source video, world-space views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinema._wiring import late

if TYPE_CHECKING:
    from kinema.visualization.options import OverlayOptions as OverlayOptions
    from kinema.visualization.overlay import OverlayReport as OverlayReport
    from kinema.visualization.overlay import write_overlay as write_overlay
    from kinema.visualization.renderer import Mesh as Mesh
    from kinema.visualization.renderer import MeshRenderer as MeshRenderer

__all__ = ["Mesh", "MeshRenderer", "OverlayOptions", "OverlayReport", "write_overlay"]
__getattr__ = late(
    __name__,
    {
        "OverlayOptions": "kinema.visualization.options",
        "OverlayReport": "kinema.visualization.overlay",
        "write_overlay": "kinema.visualization.overlay",
        "Mesh": "kinema.visualization.renderer",
        "MeshRenderer": "kinema.visualization.renderer",
    },
)
