"""Motions and clips with known ground truth: procedural motions, motion capture, rendered images and videos."""

from kinema.synthetic.mocap import motion_from_mocap as motion_from_mocap
from kinema.synthetic.motions import SCRIPTS as SCRIPTS
from kinema.synthetic.motions import procedural_motion as procedural_motion
from kinema.synthetic.render import render_clip as render_clip
from kinema.synthetic.render import render_frames as render_frames
from kinema.synthetic.style import Style as Style
from kinema.synthetic.truth import camera_around as camera_around
from kinema.synthetic.truth import person_in_view as person_in_view
from kinema.synthetic.truth import studio_camera as studio_camera
