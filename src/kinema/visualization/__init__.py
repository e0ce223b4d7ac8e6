"""Pictures of motion: the renderer, the overlay on the source video, world-space views."""
