"""The world: camera motion, gravity and the ground, foot contacts, and everybody's position in it."""

from kinema.world.options import WorldOptions as WorldOptions
from kinema.world.stage import place_in_world as place_in_world
