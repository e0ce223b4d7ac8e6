"""Refinement: motion in, smoother motion out. Filters, networks and presets in one registry."""

from kinema.refinement.options import FilterOptions as FilterOptions
from kinema.refinement.registry import REFINERS as REFINERS
from kinema.refinement.registry import Refiner as Refiner
from kinema.refinement.registry import refine as refine
from kinema.refinement.stage import filter_motion as filter_motion
from kinema.refinement.stage import stabilize_motion as stabilize_motion
