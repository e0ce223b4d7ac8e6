"""Network weights: catalogue, cache, licences, verification, safe loading.

from kinema.weights import locate
detector = locate("blazepose-detector")      # fetched on first use
print(detector.path, detector.sha256)
"""

from __future__ import annotations

from kinema.weights.hub import WeightsFile, locate

__all__ = ["WeightsFile", "locate"]
