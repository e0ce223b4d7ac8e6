"""BlazePose's two networks, extracted from a package on the user's own package index."""

from __future__ import annotations

from kinema.weights.entry import APACHE, Entry, Wheel

MEDIAPIPE = Wheel(
    project="mediapipe",
    version="0.10.21",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    size=35_622_638,
    platform="manylinux_2_28_x86_64",
    python="3.11",
    abi="cp311",
)

ENTRIES = (
    Entry(
        name="blazepose-detector",
        group="blazepose",
        file="pose_detection.tflite",
        what="finds people",
        licence=APACHE,
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        size=2_959_046,
        wheel=MEDIAPIPE,
        member="mediapipe/modules/pose_detection/pose_detection.tflite",
    ),
    Entry(
        name="blazepose-landmarks-full",
        group="blazepose",
        file="pose_landmark_full.tflite",
        what="33 body landmarks",
        licence=APACHE,
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        size=6_440_512,
        wheel=MEDIAPIPE,
        member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    ),
)
