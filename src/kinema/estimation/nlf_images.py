"""NLF opened for single images: asked for the joints of the body, where they lie in NLF's canonical body."""

from __future__ import annotations

from kinema.body import load_body
from kinema.estimation.nlf_points import canonical_points
from kinema.models.image_estimator import ImageSettings
from kinema.models.nlf.images import NlfImages
from kinema.models.nlf.options import NlfOptions
from kinema.models.nlf.release import data_file, weights_file
from kinema.models.nlf.torch_run import NlfEstimator


def open_images(options: NlfOptions, shared: ImageSettings) -> NlfImages:
    """Raises WeightsError if the weights are missing, and what `NlfEstimator` raises."""
    weights = weights_file(options.weights)
    points = canonical_points(load_body(shared.body_model), data_file(weights, options.data))
    return NlfImages(
        NlfEstimator(weights, points.joints, data=options.data, device=options.device, threads=shared.threads)
    )
