"""ImageNet's colour statistics, which normalise the inputs of networks pretrained on it."""

from __future__ import annotations

import numpy as np

MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
STD = np.array([0.229, 0.224, 0.225], dtype=np.float32)
"""Mean and standard deviation of red, green and blue in [0,1]."""
