"""Keypoint sources: their contract and their registry."""

from kinema.keypoints.registry import SOURCES as SOURCES
from kinema.keypoints.registry import open_source as open_source
from kinema.keypoints.source import KeypointSource as KeypointSource

__all__ = ["SOURCES", "KeypointSource", "open_source"]
