"""The stage `world`."""

from kinema.person import WORLD_FIELDS
from kinema.stage import Stage
from kinema.world.options import WorldOptions

place_in_world = Stage(
    name="world",
    title="placing in the world",
    options=WorldOptions,
    run="kinema.world.shots:place_shots",
    fills=(*WORLD_FIELDS, "contacts", "camera", "betas", "transl", "joints"),
    body=True,
)
