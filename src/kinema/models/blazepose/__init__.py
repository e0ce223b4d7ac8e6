"""BlazePose: MediaPipe's person detector and pose landmarks, from the Apache-2.0 wheel (Bazarevsky et al. 2020)."""
