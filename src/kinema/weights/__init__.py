"""Network weights: catalogue, cache, licences, verification, safe loading.

from kinema.weights import locate
detector = locate("blazepose-detector")      # fetched on first use
print(detector.path, detector.sha256)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinema._wiring import late

if TYPE_CHECKING:
    from kinema.weights.hub import WeightsFile as WeightsFile
    from kinema.weights.hub import locate as locate

__all__ = ["WeightsFile", "locate"]
__getattr__ = late(
    __name__,
    {
        "WeightsFile": "kinema.weights.hub",
        "locate": "kinema.weights.hub",
    },
)
