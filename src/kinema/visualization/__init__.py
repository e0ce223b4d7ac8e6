"""Visualizing motion: the renderer, the overlay on the source video, world-space views."""

from kinema.visualization.options import OverlayOptions as OverlayOptions
from kinema.visualization.overlay import OverlayReport as OverlayReport
from kinema.visualization.overlay import write_overlay as write_overlay
from kinema.visualization.renderer import Mesh as Mesh
from kinema.visualization.renderer import MeshRenderer as MeshRenderer
