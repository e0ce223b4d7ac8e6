"""The stage `world`."""

from kinema.stage import Stage
from kinema.world.options import WorldOptions

place_in_world = Stage(
    name="world",
    title="placing in the world",
    options=WorldOptions,
    run="kinema.world.placing:place_people",
    fills=("pose_world", "transl_world", "joints_world", "contacts", "camera"),
    body=True,
)
