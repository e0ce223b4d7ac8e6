"""What values on the ground floor offer but rooms above them do: filled in by `kinema/__init__.py`.

`Motion.save` is a convenience for `kinema.save`; a motion itself knows no file format.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

save_motion: Callable[..., Any]
load_motion: Callable[..., Any]
