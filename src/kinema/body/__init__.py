"""SMPL-format bodies: the free body that ships with Kinema, and the user's own SMPL files.

body = load_body()                        # the free body
body = load_body("SMPL_NEUTRAL.pkl")      # the user's licensed file, read without executing anything in it
joints = body.joints(pose, betas, transl)
"""

from kinema.body.free import free_body
from kinema.body.loading import load_body
from kinema.body.model import BodyModel
from kinema.body.points import SurfacePoints

__all__ = ["BodyModel", "SurfacePoints", "free_body", "load_body"]
