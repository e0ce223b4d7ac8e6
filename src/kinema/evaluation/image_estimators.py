"""The single-image estimators available to the occlusion analysis: PARE, NLF and BlazePose."""

from __future__ import annotations

from kinema.errors import UsageError
from kinema.evaluation.occlusion import ImageEstimator
from kinema.evaluation.options import IMAGE_ESTIMATORS
from kinema.models.nlf.options import NlfOptions
from kinema.models.pare.options import PareOptions
from kinema.models.pare.release import PareRelease


def image_estimator(
    name: str, release: PareRelease, options: PareOptions, body_model: str | None, nlf: NlfOptions
) -> ImageEstimator:
    """The estimator of that name. Raises UsageError for an unknown one, WeightsError where its weights are missing."""
    if name == "blazepose":
        from kinema.models.blazepose.images import BlazePoseImages

        return BlazePoseImages(threads=options.threads or 2)
    if name == "pare":
        from kinema.models.pare.images import PareImages

        return PareImages.load(release, options, body_model)
    if name == "nlf":
        from kinema.body import load_body
        from kinema.estimation.nlf_points import canonical_points
        from kinema.models.nlf.images import NlfImages
        from kinema.models.nlf.release import data_file, weights_file
        from kinema.models.nlf.torch_run import NlfEstimator

        weights = weights_file(nlf.weights)
        points = canonical_points(load_body(body_model), data_file(weights, nlf.data))
        threads = options.threads
        return NlfImages(NlfEstimator(weights, points.joints, data=nlf.data, device=nlf.device, threads=threads))
    raise UsageError(f"unknown estimator {name!r}; known: {', '.join(IMAGE_ESTIMATORS)}")
