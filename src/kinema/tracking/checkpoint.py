"""The whole state of tracking, as plain arrays: saved from time to time, so that a stopped run can go on there.

The last frames are not part of it: the frames before are decoded again (for observers, and for backward
tracking), but nobody is detected or followed in them. The state holds everything else that decides what comes
next, so a run that goes on ends with the very numbers of one that was never stopped.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from kinema.keypoints.source import Observation
from kinema.tracking.appearance import Appearance
from kinema.tracking.track import Encounter, Rows, Track

FIRST, SHARE = 1000, 0.125
"""The state is first saved after `FIRST` frames, then whenever the clip has grown by `SHARE`, at least by `FIRST`."""


class Checkpoint(Protocol):
    """Where the state lies between two runs."""

    def load(self) -> dict[str, np.ndarray] | None:
        """What was saved last, None where there is nothing that can be read."""

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Put it in the place of what was there."""


@dataclass
class Past:
    """What was done before a run was stopped. boxes: (n, 4) of each frame's people; state: `Follower.state`."""

    boxes: list[np.ndarray] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, np.ndarray]:
        """As a checkpoint keeps it."""
        counts = np.array([len(boxes) for boxes in self.boxes])
        return pack({"counts": counts, "boxes": np.concatenate(self.boxes), "state": self.state})

    @classmethod
    def load(cls, checkpoint: Checkpoint | None, source: str) -> Past:
        """What the checkpoint holds; nothing where it holds no state of tracking with this keypoint source."""
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
    """How many frames must be done for the next save, after `done` of them: all saves together cost O(frames)."""
    return done + max(FIRST, int(SHARE * done))


def plain_tracks(groups: dict[str, list[Track]]) -> dict[str, Any]:
    """Named lists of tracks as a tree of plain values and arrays, with the tracks that only others still refer to."""
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
        vars(track).update(values)
    return {name: [tracks[place] for place in group] for name, group in plain["groups"].items()}


def _plain_track(track: Track, places: dict[int, int]) -> dict[str, Any]:
    values = dict(vars(track))
    values["rows"] = track.rows.array()
    values["rivals"] = [[places[id(met.other)], met.gap, met.frame] for met in track.rivals.values()]
    for name in ("seen", "appearance", "fresh"):
        if values[name] is not None:
            values[name] = {f.name: getattr(values[name], f.name) for f in dataclasses.fields(values[name])}
    return values


def pack(tree: Any) -> dict[str, np.ndarray]:
    """A tree of dicts, lists and plain values with arrays in it as a flat set of arrays."""
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
    """The inverse of `pack`; tuples come back as lists. Raises KeyError or ValueError where something is missing."""

    def unpacked(value: Any) -> Any:
        if isinstance(value, list):
            return [unpacked(item) for item in value]
        if isinstance(value, dict):
            if "array" in value:
                return np.array(arrays[value["array"]])
            return {name: unpacked(item) for name, item in value["dict"].items()}
        return value

    return unpacked(json.loads(str(arrays["about"])))
