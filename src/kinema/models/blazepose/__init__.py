"""BlazePose: MediaPipe's person detector and its 33 body landmarks in pixels and in metres.

Bazarevsky et al., "BlazePose: On-device real-time body pose tracking", 2020; Grishchenko et al., "BlazePose GHUM
Holistic", 2022. Apache-2.0; the networks are extracted from the package mediapipe 0.10.21, fetched on first use. LiteRT
runs them: `detector`, `landmarks`.
"""
