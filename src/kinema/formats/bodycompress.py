"""BodyCompress `.xz`: the vertices and joints located by the NLF video pipeline, without a body model.

Frame by frame (P people): `vertices` (P,V,3) and `joints` (P,24,3), millimetres in the world, their uncertainties in
metres, `boxes` (P,4 or 5) x y w h and score, and `camera`: `rotvec_w2c` rotates the world to the camera, `loc` is its
position in millimetres, `intr` (2,3) its lens, `up` the world's vertical, `distcoef` a distortion.

Files are read by their author's library (`pip install bodycompress`), whose array codec would unpickle object arrays
and so run code from a file; that is prevented. The unpacked size of a file is checked beforehand
(`bodycompress_limits`). People have no ids in these files: they are linked from frame to frame by their pelvis
positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from kinema.errors import InputError, KinemaError, UnsafeFileError, UsageError, quoted
from kinema.formats.bodycompress_limits import XZ, ZSTD, require_modest
from kinema.formats.foreign import motion_from
from kinema.formats.report import Notes
from kinema.geometry.camera import Camera
from kinema.geometry.rotations import axis_angle_to_matrix, shortest_rotation
from kinema.motion import Motion
from kinema.person import LOCATED, Person
from kinema.storage.fields import numbers
from kinema.storage.stored import StoredArray, lasting_folder

_MM = 1e-3
_FARTHEST, _LONGEST = 1.0, 30
"""Metres that a pelvis may move, and frames that a person may be absent, and still be the same person."""

_MOST_PEOPLE, _MOST_VERTICES = 1000, 100_000

_KEYS = {"vertices", "joints", "vertex_uncertainties", "joint_uncertainties", "boxes", "camera"}


def open_bodycompress(path: Path) -> Mapping[Any, Any]:
    """The library's reader of a file, under the key "bodycompress". Raises InputError, UsageError."""
    with path.open("rb") as file:
        start = file.read(6)
    if not start.startswith((XZ, ZSTD)):
        raise InputError(f"{path} is not a file of BodyCompress: nothing in it is compressed")
    try:
        library = import_module("bodycompress")
    except ImportError:
        raise UsageError(
            f"{path} is read with the library bodycompress, which is not installed; run `pip install bodycompress`"
        ) from None
    require_modest(path)
    with _errors(path):
        frames = library.BodyDecompressor(str(path))
        return {"bodycompress": frames, "frames": len(frames)}


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether this is an opened file of BodyCompress."""
    return "bodycompress" in content


def read(content: Mapping[Any, Any], path: Path, *, fps: float | None = None) -> Motion:
    """The people of the file in the camera's frame, and the camera. Raises InputError, UnsafeFileError.

    Vertices and their uncertainties go to files that last as long as the process.
    """
    notes, cameras = Notes(), _Cameras(str(path))
    count = int(content["frames"])
    people = _People(count, lasting_folder())
    read = 0
    with _errors(path):
        for index, frame in enumerate(content["bodycompress"]):
            what = f"{path}: frame {index}"
            if not isinstance(frame, Mapping) or "joints" not in frame:
                raise InputError(f"{what} has no joints, so this is not a result of NLF")
            if index >= count:
                raise InputError(f"{path} has more frames than the {count} that it says; write it again")
            notes.left_out(frame, _KEYS)
            cameras.add(frame.get("camera"), what)
            people.add(index, frame, cameras, what)
            read += 1
    if read < count:
        raise InputError(f"{path} ends after {read} of {count} frames; copy or write it again")
    camera = cameras.camera(notes)
    notes.add("vertices are kept until the program ends; a result refers to them, and only this file has them for good")
    notes.add("people have no numbers in the file; they were linked by where they are")
    return motion_from("bodycompress", people.finished(), path, notes, fps=fps, camera=camera, num_frames=count)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """The library's errors as one sentence, with unpickling disabled."""
    try:
        codec: Any = import_module("msgpack_numpy")
        pickles, codec.pickle = codec.pickle, _NoPickles(path)
        try:
            yield
        finally:
            codec.pickle = pickles
    except KinemaError:
        raise
    except AttributeError as error:
        raise UsageError(
            f"this version of bodycompress cannot be kept from running code in {path} ({error}); install"
            " bodycompress 0.3 with msgpack-numpy 0.4"
        ) from None
    except EOFError:
        raise InputError(f"{path} is cut off; copy or write it again") from None
    except MemoryError:
        raise InputError(f"{path} needs more memory than there is") from None
    except Exception as error:
        reason = quoted(str(error) or type(error).__name__, 120, mark="")
        raise InputError(f"{path} is not a file of BodyCompress ({reason})") from None


class _NoPickles:
    """Replaces the module `pickle`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def loads(self, *_: Any, **__: Any) -> Any:
        raise UnsafeFileError(f"{self._path} holds a pickled object, which could run code; it is not read")


class _Cameras:
    """The cameras of the frames so far. rotation (3,3), place (3,) millimetres: of the latest frame."""

    def __init__(self, what: str) -> None:
        self._what, self._frames = what, 0
        self.rotation, self.place = np.eye(3), np.zeros(3)
        self._poses: list[tuple[np.ndarray, np.ndarray]] = []
        self._lenses: list[np.ndarray] = []
        self._distortions: list[np.ndarray] = []
        self._up = np.array([0.0, -1.0, 0.0])

    def add(self, camera: Any, what: str) -> None:
        """Add a frame's camera, None if it has none."""
        self._frames += 1
        if len(self._poses) != (0 if camera is None else self._frames - 1):
            raise InputError(f"{what}: some frames have a camera and others have none")
        if camera is None:
            return
        if not isinstance(camera, Mapping) or not {"rotvec_w2c", "loc", "intr"} <= set(camera):
            raise InputError(f"{what}: the camera has no rotvec_w2c, loc and intr")
        turn = numbers(camera["rotvec_w2c"], "rotvec_w2c", what, (3,))
        self.rotation = axis_angle_to_matrix(turn[None])[0]
        self.place = numbers(camera["loc"], "loc", what, (3,))
        if not self._poses:
            self._up = numbers(camera.get("up", self._up), "up", what, (3,))
        self._poses.append((self.rotation, self.place))
        self._lenses.append(numbers(camera["intr"], "intr", what, (2, 3)))
        if camera.get("distcoef") is not None:
            self._distortions.append(numbers(camera["distcoef"], "distcoef", what, ("n",)))

    def camera(self, notes: Notes) -> Camera | None:
        """The camera of the whole clip, in a y-up world. Raises InputError for an invalid lens."""
        if not self._poses:
            notes.add("the file has no camera; the points are taken to be in the camera's axes")
            return None
        lens = np.vstack([np.median(self._lenses, axis=0), [0.0, 0.0, 1.0]])
        if np.ptp(self._lenses, axis=0).max() > 0.5:
            notes.add("the lens changes from frame to frame; its median is kept")
        width, height = (int(size) for size in np.rint(2 * lens[:2, 2] + 1))
        if min(width, height, lens[0, 0], lens[1, 1]) < 1:
            raise InputError(f"{self._what}: the camera's intr is not a valid lens: {lens[:2].tolist()}")
        notes.add(f"the image size {width}x{height} is derived from the lens, whose middle is taken for the image's")
        distortion = None
        if self._distortions and np.any(self._distortions[0]):
            distortion = self._distortions[0] if self._distortions[0].shape in ((4,), (5,), (8,)) else None
            if distortion is None:
                notes.add(f"the lens's distortion has {len(self._distortions[0])} coefficients and was left out")
        rotations, places = (np.array(each) for each in zip(*self._poses, strict=True))
        still = max(np.ptp(rotations, axis=0).max(), np.ptp(places, axis=0).max()) < 1e-6
        if np.linalg.norm(self._up) < 1e-6:
            raise InputError(f"{self._what}: the camera's up is not a direction: {self._up.tolist()}")
        upright = shortest_rotation(self._up / np.linalg.norm(self._up), np.array([0.0, 1.0, 0.0]))
        moves = -np.einsum("tij,tj->ti", rotations, places) * _MM
        rotations = rotations @ upright.T
        return Camera(
            width,
            height,
            lens,
            distortion=distortion,
            rotation=rotations[0] if still else rotations,
            translation=moves[0] if still else moves,
            moving=not still,
            focal_source="file",
        )


class _Track:
    """One person: surfaces in files with a row for each frame of the clip, the rest in memory."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pelvis = np.zeros(3)
        self.frames: list[int] = []
        self.rows: dict[str, list[np.ndarray]] = {}
        self.surfaces: dict[str, Any] = {}
        self.paths: dict[str, Path] = {}


class _People:
    """Everyone in the frames so far. count: frames of the clip; folder: for the surfaces."""

    def __init__(self, count: int, folder: Path) -> None:
        self._count, self._folder = count, folder
        self._tracks: list[_Track] = []
        self._sorts: set[str] | None = None
        self._vertices = 0

    def add(self, index: int, frame: Mapping[str, Any], cameras: _Cameras, what: str) -> None:
        """Add the people of a frame."""
        joints = numbers(frame["joints"], "joints", what, ("P", 24, 3))
        if not len(joints):
            return
        found = {"joints": (joints - cameras.place) @ cameras.rotation.T * _MM}
        if frame.get("vertices") is not None:
            vertices = numbers(frame["vertices"], "vertices", what, (len(joints), "V", 3))
            self._vertices = self._vertices or vertices.shape[1]
            if vertices.shape[1] != self._vertices or not 0 < self._vertices <= _MOST_VERTICES:
                raise InputError(f"{what} has {vertices.shape[1]} vertices, earlier frames have {self._vertices}")
            found["vertices"] = (vertices - cameras.place) @ cameras.rotation.T * _MM
            if frame.get("vertex_uncertainties") is not None:
                shape = (len(joints), self._vertices)
                found["vertex_uncertainty"] = numbers(
                    frame["vertex_uncertainties"], "vertex_uncertainties", what, shape
                )
        if frame.get("joint_uncertainties") is not None:
            found["joint_uncertainty"] = numbers(
                frame["joint_uncertainties"], "joint_uncertainties", what, (len(joints), 24)
            )
        if frame.get("boxes") is not None:
            boxes = numbers(frame["boxes"], "boxes", what, (len(joints), 4), (len(joints), 5))
            found["boxes"] = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]], axis=1)
        if self._sorts is None:
            self._sorts = set(found)
        elif self._sorts != set(found):
            raise InputError(f"{what} has not the same entries as earlier frames: {', '.join(sorted(found))}")
        for place, track in enumerate(self._owners(index, joints[:, 0] * _MM)):
            track.frames.append(index)
            for name, values in found.items():
                if name.startswith("vert"):
                    self._surface(track, name, values.shape[1:])[index] = values[place]
                else:
                    track.rows.setdefault(name, []).append(values[place])

    def _owners(self, index: int, pelvises: np.ndarray) -> list[_Track]:
        """The tracks that the pelvises (P,3), metres in the world, belong to."""
        lately = [track for track in self._tracks if index - track.frames[-1] <= _LONGEST]
        owners: list[_Track | None] = [None] * len(pelvises)
        if lately:
            apart = np.linalg.norm(pelvises[:, None] - np.array([track.pelvis for track in lately]), axis=-1)
            # A pair beyond the limit costs as much as no pair, so it does not displace valid pairs.
            for here, there in zip(*linear_sum_assignment(np.minimum(apart, _FARTHEST)), strict=True):
                if apart[here, there] < _FARTHEST:
                    owners[here] = lately[there]
        for here, pelvis in enumerate(pelvises):
            track = owners[here]
            if track is None:
                track = owners[here] = _Track(len(self._tracks) + 1)
                self._tracks.append(track)
                if len(self._tracks) > _MOST_PEOPLE:
                    raise InputError(f"more than {_MOST_PEOPLE} people are in the file")
            track.pelvis = pelvis
        return [track for track in owners if track is not None]

    def _surface(self, track: _Track, name: str, shape: tuple[int, ...]) -> Any:
        if name not in track.surfaces:
            path = track.paths[name] = self._folder / f"{name}-{track.number}.npy"
            # Rows of frames in which the person is absent are never written and take no space.
            track.surfaces[name] = np.lib.format.open_memmap(path, "w+", np.float32, (self._count, *shape))
        return track.surfaces[name]

    def finished(self) -> list[Person]:
        """The people, after all frames were added."""
        people = []
        for track in self._tracks:
            frames = np.array(track.frames)
            fields: dict[str, Any] = {name: np.array(rows) for name, rows in track.rows.items()}
            for name, surface in track.surfaces.items():
                surface.flush()
                whole = len(frames) == self._count
                fields[name] = StoredArray(track.paths[name], None if whole else frames)
            people.append(Person(id=track.number, frames=frames, data={LOCATED: fields["joints"]}, **fields))
        return people
