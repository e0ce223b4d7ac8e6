"""BlazePose's networks, extracted from packages on the user's own package index."""

from __future__ import annotations

from kinema.weights.entry import APACHE, GOOGLE, Entry
from kinema.weights.places import Npm, Wheel

MEDIAPIPE = Wheel(
    project="mediapipe",
    version="0.10.21",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    size=35_622_638,
    platform="manylinux_2_28_x86_64",
    python="3.11",
    abi="cp311",
)

MEDIAPIPE_POSE = Npm(
    project="@mediapipe/pose",
    version="0.5.1675469404",
    sha256="8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
    size=40_985_403,
)

ENTRIES = (
    Entry(
        name="blazepose-detector",
        group="blazepose",
        file="pose_detection.tflite",
        what="finds people",
        licence=APACHE,
        data=GOOGLE,
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        size=2_959_046,
        place=MEDIAPIPE,
        member="mediapipe/modules/pose_detection/pose_detection.tflite",
    ),
    Entry(
        name="blazepose-landmarks-full",
        group="blazepose",
        file="pose_landmark_full.tflite",
        what="33 body landmarks",
        licence=APACHE,
        data=GOOGLE,
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        size=6_440_512,
        place=MEDIAPIPE,
        member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    ),
    Entry(
        name="blazepose-landmarks-heavy",
        group="blazepose-heavy",
        file="pose_landmark_heavy.tflite",
        what="33 body landmarks, large",
        licence=APACHE,
        data=GOOGLE,
        sha256="59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
        size=27_709_200,
        place=MEDIAPIPE_POSE,
        member="package/pose_landmark_heavy.tflite",
    ),
)
