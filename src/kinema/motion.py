"""Motion: the one value that every stage takes and returns.

A `Motion` is a clip: its frame times and size, its camera and its people (`kinema.person`). It is frozen and checked
on creation, so an inconsistent one cannot exist; `replace` makes a changed copy, which is checked again. Its arrays are
read-only.

Units and frames (docs/conventions.md): metres, radians, seconds, pixels with centres at integers.
Camera frame: OpenCV, x right, y down, z forward. World: right-handed, y up, ground at y = 0.
"""

from __future__ import annotations

import dataclasses
import html
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema import _wiring
from kinema._version import __version__
from kinema.brief import brief_list
from kinema.checks import checked, checked_bounds, length
from kinema.errors import ShapeError, UsageError
from kinema.geometry.camera import Camera, join_cameras, merge_cameras
from kinema.geometry.camera_path import CameraPath, path_data, path_of
from kinema.person import Person, checked_data, join_people
from kinema.provenance import StageRecord
from kinema.temporal.gaps import shot_of, uninterrupted
from kinema.temporal.rate import frame_rate

BODY_SHA256 = "body_sha256"
"""In `data`: of the body that the shapes belong to, since bodies of one name may change."""


@dataclass(frozen=True, eq=False, repr=False)
class Motion:
    """A clip and its people.

        motion = kinema.load("smpl_output.pkl")
        motion.people[0].pose                      # (F, 72)
        motion.select(1).slice(0.2, 0.6).save("part.pkl")

    times (T,): seconds of every frame of the clip, strictly increasing, as decoded. width, height: pixels after display
    rotation, 0 if unknown. source: file name of the video. body_model: the body that the poses belong to ("free", or
    the name of the model's file). provenance: one record per stage, in order. data: anything else about the clip, by
    name, as arrays or JSON values; the stage that fills an entry defines it. cuts (C,) int: the frames at which a new
    shot begins, increasing; a person may go on across a cut, but no motion does.
    """

    times: np.ndarray
    width: int
    height: int
    people: tuple[Person, ...] = ()
    camera: Camera | None = None
    source: str | None = None
    body_model: str | None = None
    provenance: tuple[StageRecord, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    cuts: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if self.width < 0 or self.height < 0:
            raise ShapeError(f"motion: size must not be negative, found {self.width}x{self.height}")
        times = checked(self.times, "times", ("T",), {"T": length(self.times)}, "motion", largest=1e12)
        if np.any(np.diff(times) <= 0):
            raise ShapeError("motion: times must be strictly increasing")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "cuts", checked_bounds(self.cuts, "cuts", len(times), "motion"))
        object.__setattr__(self, "people", tuple(self.people))
        object.__setattr__(self, "provenance", tuple(self.provenance))
        object.__setattr__(self, "data", checked_data(self.data, "motion"))
        ids = [person.id for person in self.people]
        if len(set(ids)) != len(ids):
            raise ShapeError(f"motion: two people carry the same id (ids: {ids})")
        for person in self.people:
            if len(person) and person.frames[-1] >= len(times):
                raise ShapeError(
                    f"person {person.id}: frame {person.frames[-1]} lies outside the clip of {len(times)} frames"
                )
        camera = self.camera
        if (
            camera is not None
            and camera.rotation is not None
            and camera.rotation.shape not in ((3, 3), (len(times), 3, 3))
        ):
            raise ShapeError(f"camera: rotation has {len(camera.rotation)} frames, the clip has {len(times)}")

    @property
    def num_frames(self) -> int:
        """T, the frames of the clip."""
        return len(self.times)

    @property
    def fps(self) -> float:
        """The clip's frame rate in frames per second, of the frames that are there (`kinema.temporal.rate`).

        Dropped frames, pauses and cuts make no difference; 30 for a clip of fewer than two frames.
        """
        return frame_rate(self.times)

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last one; 0 for an empty clip."""
        return float(self.times[-1] - self.times[0]) + 1 / self.fps if len(self.times) else 0.0

    @property
    def shots(self) -> list[slice]:
        """The frames of each shot: one slice more than there are cuts."""
        bounds = [0, *self.cuts.tolist(), len(self.times)]
        return [slice(a, b) for a, b in itertools.pairwise(bounds)]

    @property
    def camera_path(self) -> CameraPath | None:
        """The camera's path in `data`; None if there is none, or one of another clip's length. Raises ShapeError."""
        path = path_of(self.data)
        return path if path is not None and len(path) == self.num_frames else None

    def pieces(self, person: Person, max_gap: float) -> list[slice]:
        """The contiguous pieces of a person, as slices of the person's own frames.

        Motion goes on within each and is unknown between them: they end at cuts, and at gaps and pauses of more than
        `max_gap` seconds.
        """
        return uninterrupted(self.times[person.frames], person.frames, max_gap, self.cuts)

    def parts(self, person: Person) -> tuple[Person, ...]:
        """The person in each shot that shows them, in order; the person alone if that is only one."""
        shots = shot_of(person.frames, self.cuts)
        if not len(shots) or shots[0] == shots[-1]:
            return (person,)
        return tuple(person.select(shots == shot) for shot in np.unique(shots))

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)

    def person(self, id: int) -> Person:
        """The person with this id. Raises UsageError that lists the ids there are."""
        for person in self.people:
            if person.id == id:
                return person
        raise UsageError(f"no person {id} in this motion; it has {[p.id for p in self.people] or 'nobody'}")

    def replace(self, **changes: Any) -> Motion:
        """A copy with these fields changed, checked again."""
        return dataclasses.replace(self, **changes)

    def recorded(
        self, name: str, arguments: Mapping[str, Any] | None = None, weights: Mapping[str, str] | None = None
    ) -> Motion:
        """The same motion with one more record in its provenance. Stages are recorded by themselves."""
        record = StageRecord(name, __version__, arguments or {}, weights or {})
        return self.replace(provenance=(*self.provenance, record))

    def select(self, *ids: int) -> Motion:
        """The same clip with only these people, in this order. Raises UsageError for an unknown id."""
        return self.replace(people=tuple(self.person(id) for id in ids))

    def slice(self, start: float | None = None, end: float | None = None) -> Motion:
        """The part of the clip from `start` up to but not including `end`, in seconds of `times`, which are kept.

        People without a frame in it are left out; `data` of the clip is kept as it is, but for the camera's path, of
        which the part is taken. Raises UsageError if no frame lies in it.
        """
        inside = (self.times >= (-np.inf if start is None else start)) & (self.times < (np.inf if end is None else end))
        if not inside.any():
            span = f"its frames go from {self.times[0]:g} to {self.times[-1]:g} s" if len(self.times) else "it is empty"
            after = [] if start is None else [f"at or after {start:g} s"]
            asked = " and ".join(after if end is None else [*after, f"before {end:g} s"])
            raise UsageError(f"the clip has no frame {asked or 'at all'}; {span}")
        first = int(np.argmax(inside))
        people = []
        for person in self.people:
            part = person.select(inside[person.frames])
            if len(part):
                people.append(part.replace(frames=part.frames - first))
        camera = None if self.camera is None else self.camera.at(inside)
        cuts = self.cuts - first
        cuts = cuts[(cuts > 0) & (cuts < inside.sum())]
        path, data = self.camera_path, self.data
        if path is not None:
            data = {**data, **path_data(path.part(inside))}
        return self.replace(times=self.times[inside], people=tuple(people), camera=camera, cuts=cuts, data=data)

    def merge(self, other: Motion) -> Motion:
        """The people of two motions of the same clip.

        The provenance is this motion's, then what only the other has; where both have an entry of `data`, this
        motion's is kept. Raises UsageError if the clips, bodies or cameras differ, or if both have the same id.
        """
        if not np.array_equal(self.times, other.times) or (self.width, self.height) != (other.width, other.height):
            raise UsageError("motions of different clips cannot be merged; `concatenate` puts one after the other")
        bodies = {motion.body_model for motion in (self, other) if motion.body_model is not None}
        if len(bodies) > 1:
            raise UsageError(f"motions of different bodies ({', '.join(sorted(bodies))}) cannot be merged")
        both = sorted({person.id for person in self} & {person.id for person in other})
        if both:
            raise UsageError(f"both motions have a person {', '.join(map(str, both))}; rename one of them first")
        return self.replace(
            people=(*self.people, *other.people),
            camera=merge_cameras(self.camera, other.camera),
            body_model=self.body_model or other.body_model,
            provenance=(*self.provenance, *(each for each in other.provenance if each not in self.provenance)),
            data={**other.data, **self.data},
            cuts=np.union1d(self.cuts, other.cuts),
        )

    def rename(self, ids: Mapping[int, int]) -> Motion:
        """People under other ids, {old: new}. Raises UsageError for an unknown id, ShapeError if two get the same."""
        for old in ids:
            self.person(old)
        return self.replace(people=tuple(person.replace(id=ids.get(person.id, person.id)) for person in self))

    def swap(self, a: int, b: int, start: float | None = None, end: float | None = None) -> Motion:
        """Exchange the ids of two people from `start` up to but not including `end` (seconds): repairs an id switch.

        Raises UsageError for an unknown id, and if the two differ in the fields that are filled.
        """
        first, second = self.person(a), self.person(b)
        low, high = (-np.inf if start is None else start), (np.inf if end is None else end)

        def parts(person: Person) -> tuple[Person, Person]:
            inside = (self.times[person.frames] >= low) & (self.times[person.frames] < high)
            return person.select(inside), person.select(~inside)

        (first_in, first_out), (second_in, second_out) = parts(first), parts(second)
        swapped = {a: join_people(a, (first_out, second_in)), b: join_people(b, (second_out, first_in))}
        return self.replace(people=tuple(swapped.get(person.id, person) for person in self))

    @staticmethod
    def concatenate(motions: Sequence[Motion]) -> Motion:
        """Clips one after the other, each beginning one frame after the end of the previous one.

        People of the same id become one person. Source, body and data are those of the first clip; the provenance is
        that of all. Raises UsageError if sizes, bodies, cameras or the fields that are filled differ.
        """
        if not motions:
            raise UsageError("there is nothing to concatenate; give at least one motion")
        head = motions[0]
        rate = next((motion.fps for motion in motions if motion.num_frames > 1), head.fps)
        times: list[np.ndarray] = []
        parts: dict[int, list[Person]] = {}
        cuts: list[np.ndarray] = []
        frames, clock = 0, 0.0
        for motion in motions:
            if (motion.width, motion.height) != (head.width, head.height) or motion.body_model != head.body_model:
                raise UsageError("clips of different sizes or bodies cannot be concatenated")
            if motion.num_frames:
                shift = clock - motion.times[0] if times else 0.0
                times.append(motion.times + shift)
                clock = float(times[-1][-1]) + 1 / (motion.fps if motion.num_frames > 1 else rate)
            for person in motion:
                parts.setdefault(person.id, []).append(person.replace(frames=person.frames + frames))
            cuts.append(motion.cuts + frames)
            frames += motion.num_frames
        return head.replace(
            times=np.concatenate(times) if times else head.times,
            people=tuple(join_people(id, tuple(people)) for id, people in parts.items()),
            camera=join_cameras([(motion.camera, motion.num_frames) for motion in motions]),
            provenance=tuple(record for motion in motions for record in motion.provenance),
            cuts=np.concatenate(cuts),
        )

    def __repr__(self) -> str:
        size = f"{self.width}x{self.height}" if self.width else "unknown size"
        people = "nobody" if not self.people else "people " + brief_list([person.id for person in self])
        seconds = f"{self.seconds:.2f} s" if self.num_frames else "0 s"
        return (
            f"Motion({self.source or 'no source'}: {self.num_frames} frames, {seconds} at {self.fps:.4g} fps, {size};"
            f" {people}; stages: {brief_list([record.name for record in self.provenance]) or 'none'})"
        )

    def _repr_html_(self) -> str:
        """A table of the people, for notebooks."""
        rows = "".join(
            f"<tr><td>{person.id}</td><td>{len(person)}</td><td>{', '.join(person.filled)}</td></tr>" for person in self
        )
        return (
            f"<p>{html.escape(repr(self))}</p><table><thead><tr><th>person</th><th>frames</th><th>filled</th></tr>"
            f"</thead><tbody>{rows}</tbody></table>"
        )

    def save(self, path: str | Path, **options: Any) -> Path:
        """Write the motion; the suffix chooses the format. The same as `kinema.save`."""
        result: Path = _wiring.save_motion(self, path, **options)
        return result

    @staticmethod
    def load(path: str | Path, **options: Any) -> Motion:
        """Read a motion file; nothing in it is executed. The same as `kinema.load`."""
        result: Motion = _wiring.load_motion(path, **options)
        return result
