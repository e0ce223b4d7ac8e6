"""Provenance: what each stage did to a motion, recorded in the motion itself.

It is a record for users and bug reports. No stage reads it: what one stage passes on to the next is in the motion's
fields and in `data`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema.brief import Brief
from kinema.errors import ShapeError


@dataclass(frozen=True, repr=False)
class StageRecord(Brief):
    """What one stage did to a motion: provenance that travels with the data.

    name: the stage ("track", "fit", "filter"). version: of the Kinema that ran it. arguments: every setting, defaults
    included, as JSON values. weights: sha256 by file name of each network or body model that the stage used.
    """

    name: str
    version: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in ("arguments", "weights"):
            try:
                value = json.loads(json.dumps(dict(getattr(self, key)), default=jsonable))
            except TypeError as error:
                raise ShapeError(f"provenance of stage {self.name}: {key} must be JSON values ({error})") from None
            object.__setattr__(self, key, value)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def jsonable(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
