"""The stage `fit`."""

from kinema.estimation.options import FitOptions
from kinema.stage import Stage

fit_body = Stage(
    name="fit",
    title="fitting bodies",
    options=FitOptions,
    run="kinema.estimation.fitting:fit_people",
    requires=("keypoints", "keypoint_confidence"),
    fills=("pose", "betas", "transl", "joints", "reprojection_error", "joint_seen", "camera"),
    body=True,
    slow=True,
)
