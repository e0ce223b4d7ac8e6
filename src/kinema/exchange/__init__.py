"""Motion for other people's tools: skeletons and skinned bodies for animation, markers for biomechanics.

`kinema.files.save_motion(motion, "walk.bvh")` finds the writers here by the registry. Each format is one module;
what they share is the `Track`: one person as an upright skeleton over time.
"""

from kinema.exchange.tracks import Track as Track
from kinema.exchange.tracks import in_frame as in_frame
from kinema.exchange.tracks import tracks_of as tracks_of
