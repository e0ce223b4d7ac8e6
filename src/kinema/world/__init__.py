"""The world: does the camera move, where is the ground, who stands on it, and where."""

from kinema.world.options import WorldOptions as WorldOptions
from kinema.world.stage import place_in_world as place_in_world
