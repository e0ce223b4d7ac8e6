"""The single-image estimators available to the occlusion analysis: PARE and BlazePose."""

from __future__ import annotations

from kinema.errors import UsageError
from kinema.evaluation.occlusion import ImageEstimator
from kinema.evaluation.options import IMAGE_ESTIMATORS
from kinema.models.pare.options import PareOptions
from kinema.models.pare.release import PareRelease


def image_estimator(name: str, release: PareRelease, options: PareOptions, body_model: str | None) -> ImageEstimator:
    """The estimator of that name. Raises UsageError for an unknown one, WeightsError where its weights are missing."""
    if name == "blazepose":
        from kinema.models.blazepose.images import BlazePoseImages

        return BlazePoseImages(threads=options.threads or 2)
    if name == "pare":
        from kinema.models.pare.images import PareImages

        return PareImages.load(release, options, body_model)
    raise UsageError(f"unknown estimator {name!r}; known: {', '.join(IMAGE_ESTIMATORS)}")
