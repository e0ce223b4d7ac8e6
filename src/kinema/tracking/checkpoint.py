"""The complete tracking state as plain arrays, saved at intervals, so that a stopped run can resume.

Recent frames are not part of it: the earlier frames are decoded again (for observers and for backward
tracking), but without detection or tracking. The state holds everything else that later results depend
on, so a resumed run gives exactly the results of an uninterrupted one.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kinema.keypoints.source import Observation
from kinema.tracking.appearance import Appearance
from kinema.tracking.track import Encounter, Known, Rows, Track

FIRST, SHARE = 1000, 0.125
"""The state is first saved after `FIRST` frames, then whenever the clip has grown by `SHARE`, at least by `FIRST`."""


class Checkpoint(Protocol):
    """Storage of the state between two runs."""

    def load(self) -> dict[str, np.ndarray] | None:
        """The last saved state, None if there is none that can be read."""

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Replace the saved state."""


@dataclass
class Past:
    """The progress of a stopped run. boxes: (n, 4) of each frame's people; state: `Follower.state`."""

    boxes: list[np.ndarray] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays for a checkpoint."""
        counts = np.array([len(boxes) for boxes in self.boxes])
        return pack({"counts": counts, "boxes": np.concatenate(self.boxes), "state": self.state})

    @classmethod
    def load(cls, checkpoint: Checkpoint | None, source: str) -> Past:
        """The progress in the checkpoint; empty if it has no tracking state of this keypoint source."""
        arrays = None if checkpoint is None else checkpoint.load()
        if arrays is None:
            return cls()
        try:
            plain = unpack(arrays)
            if plain["state"]["source"] != source:
                return cls()
            return cls(np.split(plain["boxes"], np.cumsum(plain["counts"])[:-1]), plain["state"])
        except (KeyError, ValueError, TypeError):
            return cls()


def next_save(done: int) -> int:
    """Number of frames at the next save, after one at `done`: all saves together cost O(frames)."""
    return done + max(FIRST, int(SHARE * done))


def plain_tracks(groups: dict[str, list[Track]]) -> dict[str, Any]:
    """Named lists of tracks as a tree of plain values and arrays, including tracks that only others refer to."""
    tracks: list[Track] = []
    waiting = [track for group in groups.values() for track in group]
    while waiting:
        track = waiting.pop(0)
        if track not in tracks:
            tracks.append(track)
            waiting += [encounter.other for encounter in track.rivals.values()]
    places = {id(track): place for place, track in enumerate(tracks)}
    return {
        "groups": {name: [places[id(track)] for track in group] for name, group in groups.items()},
        "tracks": [_plain_track(track, places) for track in tracks],
    }


def tracks_from(plain: dict[str, Any]) -> dict[str, list[Track]]:
    """The inverse of `plain_tracks`."""
    tracks = [Track.__new__(Track) for _ in plain["tracks"]]
    for track, kept in zip(tracks, plain["tracks"], strict=True):
        values = dict(kept)
        rows = values["rows"]
        values["rows"] = Rows(rows.dtype)
        values["rows"].extend(rows)
        encounters = [Encounter(tracks[place], gap, frame) for place, gap, frame in values["rivals"]]
        values["rivals"] = {id(encounter.other): encounter for encounter in encounters}
        values["seen"] = Observation(**values["seen"])
        values["before"] = None if values["before"] is None else tuple(values["before"])
        for name in ("appearance", "fresh"):
            values[name] = None if values[name] is None else Appearance(**values[name])
        if values["known"] is not None:
            seen, appearance = Observation(**values["known"]["seen"]), Appearance(**values["known"]["appearance"])
            values["known"] = Known(**{**values["known"], "seen": seen, "appearance": appearance})
        vars(track).update(values)
    return {name: [tracks[place] for place in group] for name, group in plain["groups"].items()}


def _plain_track(track: Track, places: dict[int, int]) -> dict[str, Any]:
    values = dict(vars(track))
    values["rows"] = track.rows.array()
    values["rivals"] = [[places[id(met.other)], met.gap, met.frame] for met in track.rivals.values()]
    for name in ("seen", "appearance", "fresh", "known"):
        if values[name] is not None:
            values[name] = plain_fields(values[name])
    if values["known"] is not None:
        values["known"] |= {name: plain_fields(values["known"][name]) for name in ("seen", "appearance")}
    return values


def plain_fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, as they are."""
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}


def pack(tree: Any) -> dict[str, np.ndarray]:
    """A tree of dicts, lists, plain values and arrays as a flat dict of arrays."""
    arrays: dict[str, np.ndarray] = {}

    def packed(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            arrays[f"array{len(arrays)}"] = value
            return {"array": f"array{len(arrays) - 1}"}
        if isinstance(value, dict):
            return {"dict": {name: packed(item) for name, item in value.items()}}
        if isinstance(value, (list, tuple)):
            return [packed(item) for item in value]
        return value.item() if isinstance(value, np.generic) else value

    about = np.array(json.dumps(packed(tree)))
    return {"about": about, **arrays}


def unpack(arrays: dict[str, np.ndarray]) -> Any:
    """The inverse of `pack`; tuples come back as lists. Raises KeyError or ValueError if something is missing."""

    def unpacked(value: Any) -> Any:
        if isinstance(value, list):
            return [unpacked(item) for item in value]
        if isinstance(value, dict):
            if "array" in value:
                return np.array(arrays[value["array"]])
            return {name: unpacked(item) for name, item in value["dict"].items()}
        return value

    return unpacked(json.loads(str(arrays["about"])))
