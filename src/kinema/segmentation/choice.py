"""Selection of people: choices as text, and the stage `select`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kinema.errors import UsageError
from kinema.options import clock_seconds, setting
from kinema.stage import Stage

MASKS = "masks"
"""Key of the file of masks in a motion's `data`; its ids are those of the people."""

SHEET = "sheet"
"""In place of a choice: an image of everybody, to choose from."""

_POINT = re.compile(r"(-?[\d.]+),(-?[\d.]+)@(.+)")


@dataclass(frozen=True)
class Choice:
    """People by number, or the one at a point. numbers: ids of tracks. point: x and y in pixels of the video, and the
    seconds that a player shows."""

    numbers: tuple[int, ...] = ()
    point: tuple[float, float, float] | None = None

    @classmethod
    def of(cls, text: str) -> Choice:
        """From "1,3" or "640,360@0:12". Raises UsageError."""
        text = text.strip()
        point = _POINT.fullmatch(text)
        try:
            if point is not None:
                return cls(point=(float(point[1]), float(point[2]), clock_seconds(point[3])))
            return cls(numbers=tuple(int(part) for part in text.split(",")))
        except (ValueError, UsageError):
            raise UsageError(
                f"`select` {text!r} cannot be read; give ids (1,3), a point and a time (640,360@0:12), or {SHEET}"
            ) from None


@dataclass(frozen=True)
class SelectOptions:
    """Whom to keep. people: texts of `Choice`, all of whom are kept; none for everybody."""

    people: tuple[str, ...] = setting(
        (),
        "keep only these people: by id (1,3), or by a point in pixels and a time (640,360@0:12); sheet: write an image"
        " of everybody with their ids, and stop (default: everybody)",
        public="select",
        metavar="WHO",
        group="people",
    )

    def __post_init__(self) -> None:
        given = (self.people,) if isinstance(self.people, (str, int)) else self.people
        object.__setattr__(self, "people", tuple(str(each) for each in given))
        if SHEET in self.people and len(self.people) > 1:
            raise UsageError(f"`select` {SHEET} shows everybody; leave out the other choices")
        if not self.sheet:
            for each in self.people:
                Choice.of(each)

    @property
    def sheet(self) -> bool:
        """Whether an image to choose from is wanted."""
        return self.people == (SHEET,)

    @property
    def choices(self) -> tuple[Choice, ...]:
        return () if self.sheet else tuple(Choice.of(each) for each in self.people)


select_people = Stage(
    name="select",
    title="choosing people",
    options=SelectOptions,
    run="kinema.segmentation.selection:select_in",
    needed=lambda motion, options: bool(options.people),
)
"""Keep the chosen people; a run does so after the stages that need everybody."""
