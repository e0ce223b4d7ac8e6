"""SmoothNet: temporal refinement of any joint sequence (Zeng et al. 2022)."""
