"""The stage `track`: from the video to people with boxes and keypoints, and the camera's motion."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_35mm
from kinema.keypoints.registry import files_of, keypoint_file, networks_of
from kinema.models.detecting import Detecting
from kinema.motion import Motion
from kinema.stage import Context, Partial, Stage, given
from kinema.tracking.options import TrackingOptions
from kinema.tracking.upside_down import TURNED

if TYPE_CHECKING:
    from kinema.keypoints.source import OpenedSource
    from kinema.tracking.camera import CameraOfShots
    from kinema.tracking.outlines import Album
    from kinema.tracking.tracker import Observer, OpenFollower
    from kinema.world.vanishing import LineObserver

CLOSER = (
    "hardly anybody was found at first, so the clip was searched again for people down to {:.3g} of the picture's"
    " shorter side; `smallest_person` chooses that size at once"
)
"""Note on a second pass; with the size that it looked for."""

CAMERA_MOTION = "camera_motion"
"""Key of the camera's motion in the motion's `data`: the detector's report, and "source"."""

MOST_TIMES = 8
"""Largest number of cuts whose times a note lists."""


def track(
    motion: Motion, context: Context, options: TrackingOptions, *, follower: OpenFollower | None = None,
    linker: str | None = None,
) -> Motion:  # fmt: skip
    """Detect and track people, and estimate from the same frames whether the camera moves.

    follower: what follows people from frame to frame, None for Kinema's own; linker: what follows those of a file
    (`kinema.keypoints.files.linkers`), None for the file's identities, if it has any.

    If hardly anybody is found, a few frames are searched for smaller people, and if there are any, the clip is tracked
    again. Where the options name a file of keypoints, its people are taken instead. The camera is set from the focal
    length in the video's metadata, else from what is seen (`kinema.world.lens`); it stays unknown if nobody has
    keypoints. Straight lines of the background are kept for what comes later (`kinema.world.seen_lines`).
    """
    from kinema.formats.foreign import NOTES
    from kinema.tracking.outlines import with_outlines
    from kinema.tracking.second_look import FEW, share_with_people
    from kinema.tracking.tracker import networks_of
    from kinema.weights import locate
    from kinema.world.lens import estimate_camera
    from kinema.world.vanishing import BACKGROUND_LINES

    file = keypoint_file(options.keypoints)
    if file is not None:
        motion, watched = _of_file(context, options, file, linker)
        context.notes.extend(motion.data.get(NOTES, ()))
    else:
        source = functools.cache(functools.partial(networks_of, options))
        motion, watched = _tracked(context, options, source, context.partial, follower)
        if options.smallest_person is None and share_with_people(motion) < FEW:
            motion, watched = _second_look(context, options, source, motion, watched, follower)
        if watched.album is not None:
            motion = with_outlines(motion, watched.album, source())
    context.weights |= {network.name: network.sha256 for network in map(locate, _networks(options))}
    context.weights.update(_files(options))
    seen: dict[str, Any] = {"moving": False, "source": "static_camera option"}
    if watched.motion is not None:
        seen = watched.motion.report() | {"source": "frames"}
    context.facts[CAMERA_MOTION] = seen
    focal_35mm = given(context.video).metadata.get("focal_35mm")
    if focal_35mm and motion.camera is None:
        motion = motion.replace(camera=camera_from_35mm(motion.width, motion.height, focal_35mm))
    elif motion.camera is None:
        lens = watched.lines.report()
        camera, context.facts["field_of_view"] = estimate_camera(motion, seen=lens, moving=seen["moving"])
        motion = motion.replace(camera=camera)
    if len(motion.cuts):
        context.facts["cuts"] = motion.cuts.tolist()
        context.notes.append(about_cuts(motion))
    return motion.replace(data={**motion.data, CAMERA_MOTION: seen, BACKGROUND_LINES: watched.lines.seen})


@dataclass(frozen=True)
class _Watched:
    """The observers of the frames while people were tracked: None where the answer is already known."""

    motion: CameraOfShots | None
    lines: LineObserver
    album: Album | None

    @classmethod
    def of(cls, context: Context, options: TrackingOptions) -> _Watched:
        from kinema.tracking.camera import CameraOfShots
        from kinema.tracking.outlines import Album
        from kinema.world.vanishing import LineObserver

        return cls(
            None if options.static_camera else CameraOfShots(),
            LineObserver(lens=not given(context.video).metadata.get("focal_35mm")),
            Album() if options.outlines else None,
        )

    @property
    def observers(self) -> list[Observer]:
        return [observer for observer in (self.motion, self.lines, self.album) if observer is not None]

    def begin_shot(self, first: int) -> None:
        if self.motion is not None:
            self.motion.begin_shot(first)
        self.lines.begin_shot()


def _of_file(context: Context, options: TrackingOptions, file: Path, linker: str | None) -> tuple[Motion, _Watched]:
    """The people of a file of keypoints, and the observers that saw the frames of the video."""
    from kinema.tracking.from_file import people_of_file

    watched = _Watched.of(context, options)
    motion = people_of_file(
        given(context.video), file, options, linker=linker, progress=context.progress, observers=watched.observers,
        shot_begins=watched.begin_shot,
    )  # fmt: skip
    return motion, watched


def _tracked(
    context: Context, options: TrackingOptions, source: Callable[[], OpenedSource], checkpoint: Partial | None,
    follower: OpenFollower | None,
) -> tuple[Motion, _Watched]:  # fmt: skip
    """The people in the video, and the observers that saw the same frames."""
    from kinema.tracking.follower import Follower
    from kinema.tracking.tracker import track_people

    watched = _Watched.of(context, options)
    motion = track_people(
        given(context.video),
        options,
        source=source,
        progress=context.progress,
        observers=watched.observers,
        shot_begins=watched.begin_shot,
        checkpoint=checkpoint,
        follower=Follower if follower is None else follower,
    )
    return motion, watched


def _second_look(
    context: Context, options: TrackingOptions, source: Callable[[], OpenedSource], motion: Motion, watched: _Watched,
    follower: OpenFollower | None,
) -> tuple[Motion, _Watched]:  # fmt: skip
    """The better of this result and that of a second pass, made only if a few frames show smaller people."""
    from kinema.tracking.perception import Perception
    from kinema.tracking.second_look import look_again, share_with_people
    from kinema.tracking.tracker import in_use

    video = given(context.video)
    sample = look_again(video, motion, Perception(in_use(source(), options), (video.width, video.height), options))
    if sample.turned:
        context.notes.append(TURNED)
    if sample.smallest is None:
        return motion, watched
    closer = dataclasses.replace(options, smallest_person=sample.smallest)
    again, watched_again = _tracked(context, closer, source, None, follower)
    if share_with_people(again) <= share_with_people(motion):
        return motion, watched
    context.facts["second_look"] = sample.smallest
    context.notes.append(CLOSER.format(sample.smallest))
    return again, watched_again


def about_cuts(motion: Motion) -> str:
    """The note on the clip's cuts: when they are, and who goes on across them."""
    count = len(motion.cuts)
    moments = [f"{motion.times[cut]:.2f}" for cut in motion.cuts[:MOST_TIMES]]
    more = f" and {count - MOST_TIMES} more" if count > MOST_TIMES else ""
    same = [str(person.id) for person in motion if len(motion.parts(person)) > 1]
    if same:
        who = f"person {', '.join(same)} looks the same before and after and keeps the id"
    else:
        who = "nobody looks the same before and after, so the ids differ"
    return (
        f"{count} camera cut{'' if count == 1 else 's'} (at {', '.join(moments)}{more} s): nothing is followed or"
        f" smoothed across; {who}; if it is one shot, say so with `cuts`"
    )


def _networks(options: TrackingOptions) -> Sequence[str]:
    return networks_of(options.keypoints, options.detector)


def _files(options: TrackingOptions) -> Mapping[str, str]:
    """sha256 of the user's networks and file of keypoints; of a folder, that of its files' names and contents."""
    from kinema.weights.cache import hashed

    file = keypoint_file(options.keypoints)
    if file is None:
        return files_of(options.keypoints, options.detector)
    if options.detecting != Detecting():
        raise UsageError(
            "a file of keypoints needs no detector; leave out `detector_nms_iou_threshold`, `detector_flip_aug` and"
            " `detector_both_flip_aug`"
        )
    if file.is_file():
        return {file.name: hashed(file)}
    inside = "".join(f"{path.name} {hashed(path)}\n" for path in sorted(file.rglob("*.*")) if path.is_file())
    return {file.name: hashlib.sha256(inside.encode()).hexdigest()}


def _without_checkpoint(options: TrackingOptions) -> Mapping[str, str]:
    if options.tracker_checkpoint is not None:
        raise UsageError("only the tracker lighttrack has a checkpoint; leave out `tracker_checkpoint`, or choose it")
    return _files(options)


def _with_checkpoint(options: TrackingOptions) -> Mapping[str, str]:
    from kinema.models.lighttrack.numpy_run import SGCN
    from kinema.weights.cache import known_sha256

    if options.tracker_checkpoint is None:
        return _files(options)
    SGCN.open(options.tracker_checkpoint)  # what is wrong with it is said before a run begins
    own = {options.tracker_checkpoint.name: known_sha256(options.tracker_checkpoint)}
    return {**_files(options), **own}


_FILLS = ("boxes", "confidence", "observed", "keypoints", "keypoint_confidence", "keypoints3d")

track_video = Stage(
    name="track",
    title="tracking people",
    options=TrackingOptions,
    run=track,
    fills=_FILLS,
    networks=_networks,
    files=_without_checkpoint,
    video=True,
    slow=True,
)

track_by_poseflow = Stage(
    name="track-poseflow",
    title="tracking people by PoseFlow",
    options=TrackingOptions,
    run="kinema.tracking.poseflow:track_by_poses",
    fills=_FILLS,
    networks=_networks,
    files=_without_checkpoint,
    video=True,
    slow=True,
)

track_by_lighttrack = Stage(
    name="track-lighttrack",
    title="tracking people by LightTrack",
    options=TrackingOptions,
    run="kinema.tracking.lighttrack:track_by_keyframes",
    fills=_FILLS,
    networks=_networks,
    files=_with_checkpoint,
    video=True,
    slow=True,
)
