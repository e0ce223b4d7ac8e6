"""The table of a person's fields: what each holds, in which shape and unit, and what files call it.

`kinema.person.Person` declares its fields with `per_frame`; everything else that must know them (checks, file
formats, diagnosis, documentation) reads the table that follows from that, `kinema.person.PERSON_FIELDS`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

_METADATA = "kinema"


@dataclass(frozen=True)
class Field:
    """One field that holds an array with the person's frames as its first axis.

    name: of the attribute. shape: numbers, and letters: F, the person's frames; K, the points of `keypoint_set`;
    L, those of `keypoint3d_set`. unit: with the frame of reference where there is one. meaning: one line.
    may_hold_nan: NaN stands for "not seen". share: between 0 and 1. boolean: True or False. pkl: its key in Kinema's
    `.pkl`, `name` by default. always: files have the key even where the field is empty.
    stored: a reference to an array in a separate file (`kinema.storage.stored.StoredArray`).
    """

    name: str
    shape: tuple[str | int, ...]
    unit: str
    meaning: str
    may_hold_nan: bool = False
    share: bool = False
    boolean: bool = False
    pkl: str = ""
    always: bool = True
    stored: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "pkl", self.pkl or self.name)

    @property
    def largest(self) -> float:
        """Magnitude that no value exceeds: points that are projected from close to the camera's plane lie far away."""
        return 1e9 if self.unit == "px" else 1e6

    @property
    def letters(self) -> str:
        """The shape as documents write it: "(F, K, 2)"."""
        return "(" + ", ".join(map(str, self.shape)) + ("," if len(self.shape) == 1 else "") + ")"


def per_frame(*shape: str | int, unit: str, meaning: str, **flags: Any) -> Any:
    """A dataclass field for an array (F, *shape), None until a stage fills it; `flags` as in `Field`."""
    return dataclasses.field(default=None, metadata={_METADATA: Field("", ("F", *shape), unit, meaning, **flags)})


def table_of(cls: type) -> dict[str, Field]:
    """The fields that a dataclass declares with `per_frame`, by name and in order."""
    return {
        field.name: dataclasses.replace(found, name=field.name, pkl=found.pkl or field.name)
        for field in dataclasses.fields(cls)
        if (found := field.metadata.get(_METADATA)) is not None
    }
