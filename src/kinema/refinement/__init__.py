"""Refinement: motion in, smoother motion out. Filters here; networks register beside them."""

from kinema.refinement.filtering import FilterOptions as FilterOptions
from kinema.refinement.filtering import filter_motion as filter_motion
from kinema.refinement.registry import REFINERS as REFINERS
from kinema.refinement.registry import Refiner as Refiner
from kinema.refinement.registry import refine as refine
