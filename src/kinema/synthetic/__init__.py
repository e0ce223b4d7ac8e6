"""Motions and clips whose truth is known: procedural motions, motion capture, rendered images and videos."""

from kinema.synthetic.motions import SCRIPTS as SCRIPTS
from kinema.synthetic.motions import procedural_motion as procedural_motion
from kinema.synthetic.truth import studio_camera as studio_camera
