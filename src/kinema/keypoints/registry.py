"""The keypoint sources by name. A new one is one module with a function that opens it, and one row."""

from __future__ import annotations

import dataclasses

from kinema.keypoints.source import KeypointSource, OpenedSource
from kinema.registry import Registry

DEFAULT = "blazepose"
"""The default source; its detector also serves sources without one."""

SOURCES: Registry[KeypointSource] = Registry(
    "keypoint source",
    group="kinema.keypoints",
    rows=(
        KeypointSource(
            name="blazepose",
            summary="BlazePose GHUM full: 33 keypoints in 2D and 3D, own person detector, no torch (default)",
            joint_set="blazepose33",
            joint3d_set="blazepose33",
            open="kinema.keypoints.blazepose:open_blazepose",
            weights=("blazepose-detector", "blazepose-landmarks-full"),
            detects=True,
        ),
        KeypointSource(
            name="rtmpose",
            summary="RTMPose-s in 2D beside BlazePose in 3D: nearer to the truth in the image, slower",
            joint_set="blazepose33",
            joint3d_set="blazepose33",
            open="kinema.keypoints.rtmpose:open_rtmpose",
            weights=("blazepose-detector", "blazepose-landmarks-full", "rtmpose-s-halpe26"),
            detects=True,
        ),
    ),
)
"""Every keypoint source."""


def networks_of(name: str) -> tuple[str, ...]:
    """Names in the weights hub of all networks of the source `name`, including its detector."""
    source = SOURCES.find(name)
    return source.weights if source.detects else (*source.weights, SOURCES.find(DEFAULT).weights[0])


def open_source(source: str | KeypointSource | OpenedSource, *, threads: int = 1) -> OpenedSource:
    """A source ready to run, with its own detector or the default source's.

    Raises UsageError for an unknown name and WeightsError if networks are unavailable.
    """
    if isinstance(source, str):
        source = SOURCES.find(source)
    if isinstance(source, KeypointSource):
        source = source.opened(threads=threads)
    if source.detector is not None:
        return source
    from kinema.keypoints.blazepose import open_detector

    detector, weights = open_detector()
    return dataclasses.replace(source, detector=detector, weights=(*source.weights, weights))
