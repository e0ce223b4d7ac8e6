"""PARE's demo on a video or a folder of pictures, with the original's options and files.

A video gives `pare_output.pkl` (see `kinema.models.pare.published_keys`) and a video of the bodies over it; a folder
gives one `.pkl` and one picture for each picture. People are found and followed by Kinema; detections from elsewhere
may be given instead.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError, UsageError
from kinema.estimation import FitOptions, fit_body
from kinema.formats.kinema_pkl import write_pickle
from kinema.formats.pare_keys import pare_keys
from kinema.models.pare.crops import crop, square_boxes
from kinema.models.pare.estimator import PareEstimator
from kinema.models.pare.joints import JointDefinition, joint_definition
from kinema.models.pare.keypoint_boxes import boxes_from_keypoints
from kinema.models.pare.options import PareOptions
from kinema.models.pare.published_keys import DemoOptions, betas_for, demo_image, demo_person, regress_tracks
from kinema.models.pare.regression import regress_people, whole_boxes
from kinema.models.pare.release import PareRelease, about_body
from kinema.motion import Motion
from kinema.pipeline.watching import RunWatcher, timed
from kinema.progress import Progress
from kinema.storage.atomic import atomic_path
from kinema.storage.safe_npz import load_npz
from kinema.tracking import TrackingOptions, track_people
from kinema.tracking.sort import sort_tracks
from kinema.video import VideoReader, VideoWriter, open_video
from kinema.video.images import list_images
from kinema.visualization.attention import attention_sheet
from kinema.visualization.drawing import track_colors
from kinema.visualization.weak_views import WeakBody, WeakView

OUTPUT = "pare_output.pkl"
PARITY_RATE = 25.0
"""Frames a second of the original's videos, whatever the source has."""

_LEAST_SCORE = 0.7
_Tracks = dict[int, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class PareDemoOptions:
    """How the demo runs and what it writes.

    demo: smoothing, batch and parity. pare: the network. data: the release's data folder. body_model: an SMPL file.
    tracking: how people are followed; tracking_method: "bbox", crops from boxes, or "pose", crops from keypoints.
    detections: an .npz or .csv of detections (frame, x1, y1, x2, y2, score) to follow in place of Kinema's.
    run_smplify: refine the bodies on the 2D keypoints (Kinema's fit). render, wireframe, sideview, draw_keypoints,
    save_obj, show_attention: pictures and meshes.
    """

    demo: DemoOptions = field(default_factory=DemoOptions)
    pare: PareOptions = field(default_factory=PareOptions)
    data: Path | None = None
    body_model: Path | None = None
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    tracking_method: str = "bbox"
    detections: Path | None = None
    run_smplify: bool = False
    render: bool = True
    wireframe: bool = False
    sideview: bool = False
    draw_keypoints: bool = False
    save_obj: bool = False
    show_attention: bool = False

    def __post_init__(self) -> None:
        if self.tracking_method not in ("bbox", "pose"):
            raise UsageError(f"the tracking method is bbox or pose, found {self.tracking_method!r}")
        if self.run_smplify and self.demo.parity:
            raise UsageError(
                "run_smplify refines by Kinema's fit, which the original does not have; leave out `parity`"
            )
        if self.detections is not None and (self.run_smplify or self.tracking_method == "pose"):
            raise UsageError("detections from a file bring no keypoints, which run_smplify and tracking by pose need")


MOST_VERTICES = 2_000_000_000
"""Bytes of vertices that are kept where nobody says whether to: 13 minutes of one person, 30 frames a second."""


@dataclass
class PareDemoResult:
    """What the demo left. files: by kind. people: how many tracks, or people in all pictures."""

    folder: Path
    people: int
    frames: int
    definition: str
    body: str
    files: dict[str, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class _Tools:
    """The network, the body and its joints, loaded once."""

    def __init__(self, options: PareDemoOptions) -> None:
        release = PareRelease(options.data)
        path = release.checkpoint(options.pare.checkpoint)
        self.body: BodyModel = release.body(options.body_model)
        self.joints: JointDefinition = joint_definition(self.body, release.file("J_regressor_extra.npy"))
        pare = options.pare
        self.estimator = PareEstimator(path, device=pare.device, precision=pare.precision, threads=pare.threads)
        self.warnings = [told for told in (about_body(self.body),) if told is not None]
        if self.joints.definition != "published":
            self.warnings.append(
                "the joints beyond SMPL's 24 are Kinema's own points of the same names; with J_regressor_extra.npy of"
                " the PARE release (`data`) and an SMPL file they are the published ones"
            )


def demo_video(
    video: str | Path, folder: str | Path, options: PareDemoOptions | None = None, *, watcher: RunWatcher | None = None
) -> PareDemoResult:
    """Run the demo on a video and write its files into `folder`.

    Raises InputError (unreadable video, nobody in it), WeightsError (no checkpoint), UsageError, OutputError.
    """
    options, watcher, folder = options or PareDemoOptions(), watcher or RunWatcher(), Path(folder)
    with open_video(video) as reader:
        tools = _Tools(options)
        with timed(watcher, "track") as progress:
            motion = None if options.detections else track_people(reader, options.tracking, progress=progress)
            tracks, keypoints = _tracks(reader, motion, options)
        if not tracks:
            raise InputError(f"nobody was found in {video}; use a clip in which at least one person is seen")
        options = _bounded(options, tracks, tools)
        if options.run_smplify and motion is not None:
            content = _refined(motion, reader, tools, options, watcher)
        else:
            with timed(watcher, "regress") as progress:
                answers = regress_tracks(
                    (frame.image for frame in reader), tracks, tools.estimator, batch_size=options.demo.batch_size,
                    crop_scale=options.demo.crop_scale, progress=progress,
                )  # fmt: skip
            size = reader.width, reader.height
            content = {}
            for id, answer in answers.items():
                frames, boxes = (part[: len(answer)] for part in tracks[id])
                content[id] = demo_person(answer, frames, boxes, size, tools.joints, options.demo, keypoints.get(id))
        result = PareDemoResult(
            folder, len(content), 1 + max(int(p["frame_ids"][-1]) for p in content.values()), tools.joints.definition,
            tools.body.name, {"pkl": folder / OUTPUT}, [*tools.warnings, *reader.warnings],
        )  # fmt: skip
        with timed(watcher, "files"):
            write_pickle(content, folder / OUTPUT)
            if options.save_obj:
                result.files["meshes"] = _write_meshes(content, tools.body, folder / "meshes", options)
        if options.render:
            with timed(watcher, "overlay") as progress:
                name = f"{Path(video).stem}_result.mp4"
                result.files["video"] = _render(reader, content, tools.body, folder / name, options, progress)
        if options.show_attention:
            with timed(watcher, "attention") as progress:
                path = folder / f"{Path(video).stem}_attention.mp4"
                result.files["attention"] = _attention_video(reader, content, tools.estimator, path, options, progress)
    for sentence in result.warnings:
        watcher.note(sentence)
    return result


def demo_folder(
    images: str | Path, folder: str | Path, options: PareDemoOptions | None = None, *, watcher: RunWatcher | None = None
) -> PareDemoResult:
    """Run the demo on every picture of a folder (or one picture): `<name>.pkl` and `<name>.png` for each.

    A picture that cannot be read, or that shows nobody, is told in the warnings and left out.
    """
    options, watcher, folder = options or PareDemoOptions(), watcher or RunWatcher(), Path(folder)
    if options.run_smplify or options.detections is not None or options.tracking_method != "bbox":
        raise UsageError("run_smplify, detections and tracking by pose are for videos; leave them out for pictures")
    images = Path(images)
    files = list_images(images) if images.is_dir() else (images,)
    tools = _Tools(options)
    result = PareDemoResult(folder, 0, 0, tools.joints.definition, tools.body.name, {}, list(tools.warnings))
    with timed(watcher, "regress") as progress:
        for file, image, boxes in people_in_pictures(files, options.tracking, result.warnings):
            _one_picture(file, image, boxes, tools, options, result)
            progress(files.index(file) + 1, len(files))
    if not result.frames:
        raise InputError(f"nobody was found in {images}; use pictures in which at least one person is seen")
    for sentence in result.warnings:
        watcher.note(sentence)
    return result


def people_in_pictures(
    files: Sequence[Path], tracking: TrackingOptions | None, warnings: list[str]
) -> Iterator[tuple[Path, np.ndarray, np.ndarray]]:
    """Each picture that shows somebody, as `people_in` gives it; of the others `warnings` is told.

    Raises InputError where the only picture cannot be read.
    """
    for file in files:
        try:
            image, boxes = people_in(file, tracking)
        except InputError as error:
            if len(files) == 1:
                raise
            warnings.append(f"left out: {error}")
            continue
        if len(boxes):
            yield file, image, boxes
        else:
            warnings.append(f"nobody was found in {file.name}")


def people_in(file: Path, tracking: TrackingOptions | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H,W,3) uint8 RGB and the square boxes (n,4) cx cy w h of the people in it. Raises InputError."""
    with open_video(file) as reader:
        motion = track_people(reader, tracking)
        image = next(iter(reader)).image
    found = [whole for person in motion if (whole := whole_boxes(person)) is not None]
    return image, square_boxes(np.array([boxes[0] for boxes in found]))


def _one_picture(
    file: Path, image: np.ndarray, boxes: np.ndarray, tools: _Tools, options: PareDemoOptions, result: PareDemoResult
) -> None:
    folder, scale = result.folder, options.demo.crop_scale
    content, answer = demo_image(image, boxes, tools.estimator, tools.joints, crop_scale=scale)
    write_pickle(content, folder / f"{file.stem}.pkl")
    result.files.setdefault("pkl", folder / f"{file.stem}.pkl")
    result.people += len(boxes)
    result.frames += 1
    colors = track_colors(range(len(boxes)))
    if options.render:
        view = _view(image, tools.body, options)
        bodies = [
            WeakBody(content["smpl_vertices"][i], content["orig_cam"][i], colors[i], content["smpl_joints2d"][i])
            for i in range(len(boxes))
        ]
        write_png(folder / f"{file.stem}.png", view.draw(image, bodies))
        result.files.setdefault("picture", folder / f"{file.stem}.png")
    if options.show_attention and answer.attention is not None:
        for i, box in enumerate(boxes):
            path = folder / f"{file.stem}_attention_{i + 1}.png"
            write_png(path, attention_sheet(crop(image, box, scale=scale), answer.attention[i]))
            result.files.setdefault("attention", path)
    if options.save_obj:
        for i, vertices in enumerate(content["smpl_vertices"]):
            write_obj(folder / "meshes" / file.stem / f"{i:06d}.obj", vertices, tools.body.faces)
        result.files["meshes"] = folder / "meshes"


def write_png(path: Path, image: np.ndarray) -> None:
    """Write a picture (H,W,3) uint8 RGB, whole or not at all. Raises OutputError."""
    done, data = cv2.imencode(path.suffix, np.ascontiguousarray(image[..., ::-1]))
    if not done:
        raise UsageError(f"{path.name}: pictures are written as .png or .jpg")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def write_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write a mesh as Wavefront OBJ, whole or not at all. Raises OutputError."""
    lines = ["v {:.6f} {:.6f} {:.6f}".format(*v) for v in vertices.tolist()]
    lines += ["f {} {} {}".format(*f) for f in (faces + 1).tolist()]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="ascii")


# --- who is where ------------------------------------------------------------------------------------


def _tracks(
    reader: VideoReader, motion: Motion | None, options: PareDemoOptions
) -> tuple[_Tracks, dict[int, np.ndarray]]:
    """Frames and crop boxes (F,4) cx cy w h of each track, and, where people are tracked by pose, their keypoints."""
    if motion is None:
        return _sorted(read_detections(Path(str(options.detections))), options), {}
    if options.tracking_method == "pose":
        tracks, keypoints = {}, {}
        for person in motion:
            points, confidence = person.require("keypoints", "keypoint_confidence")
            whole = np.concatenate([np.nan_to_num(points), confidence[..., None]], axis=-1)
            boxes, start, stop = boxes_from_keypoints(whole)
            if len(boxes):
                tracks[person.id] = (person.frames[start:stop], boxes)
                keypoints[person.id] = whole[start:stop]
        return tracks, keypoints
    found = {person.id: (person.frames, whole) for person in motion if (whole := whole_boxes(person)) is not None}
    if options.demo.parity:
        rows = [np.column_stack([frames, boxes, np.ones(len(frames))]) for frames, boxes in found.values()]
        return _sorted(np.concatenate(rows) if rows else np.zeros((0, 6)), options), {}
    return {id: (frames, square_boxes(boxes)) for id, (frames, boxes) in found.items()}, {}


def _sorted(rows: np.ndarray, options: PareDemoOptions) -> _Tracks:
    """Detections (n,6) to tracks by SORT, as the original does it."""
    rows = rows[rows[:, 5] > _LEAST_SCORE]
    last = int(rows[:, 0].max()) if len(rows) else -1
    tracks = sort_tracks(rows[rows[:, 0] == frame, 1:5] for frame in range(last + 1))
    return {id: (frames, square_boxes(boxes)) for id, (frames, boxes) in tracks.items()}


def read_detections(path: Path) -> np.ndarray:
    """Detections (n,6) frame x1 y1 x2 y2 score from an .npz (array "detections") or a .csv. Raises InputError."""
    try:
        if path.suffix == ".npz":
            rows = np.asarray(load_npz(path)["detections"], dtype=np.float64)
        else:
            rows = np.loadtxt(path, delimiter=",", ndmin=2, comments="#")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} holds no detections ({error}); give rows frame,x1,y1,x2,y2,score as .csv, or as the array"
            " 'detections' of an .npz"
        ) from None
    if rows.ndim != 2 or rows.shape[1] != 6 or not np.all(np.isfinite(rows)):
        raise InputError(f"{path}: detections must be finite numbers (n, 6), found {rows.shape}")
    if np.any(rows[:, 0] < 0) or np.any(rows[:, 3:5] <= rows[:, 1:3]):
        raise InputError(f"{path}: detections must have frames from 0 on and boxes x1 < x2, y1 < y2")
    return rows


def _bounded(options: PareDemoOptions, tracks: _Tracks, tools: _Tools) -> PareDemoOptions:
    """The options with it decided whether vertices are kept: an hour of them would fill the memory."""
    if options.demo.vertices is not None:
        return options
    size = sum(len(frames) for frames, _ in tracks.values()) * tools.body.v_template.size * 4
    keep = options.demo.parity or size <= MOST_VERTICES
    if not keep:
        tools.warnings.append(
            f"the .pkl has no verts, they would take {size / 1e9:.0f} GB of memory; `verts` keeps them"
        )
    return dataclasses.replace(options, demo=dataclasses.replace(options.demo, vertices=keep))


def _refined(
    motion: Motion, reader: VideoReader, tools: _Tools, options: PareDemoOptions, watcher: RunWatcher
) -> dict[int, dict[str, Any]]:
    """The dict of the demo, with bodies that Kinema's fit has refined on the 2D keypoints."""
    with timed(watcher, "regress") as progress:
        motion = regress_people(motion, reader, tools.body, tools.estimator, options.pare, progress=progress)
    with timed(watcher, "fit") as progress:
        motion = fit_body(motion, tools.body, FitOptions(prior="estimate"), progress=progress)
    return {
        person.id: pare_keys(motion, person, tools.body, vertices=bool(options.demo.vertices))
        for person in motion
        if person.pose is not None
    }


# --- pictures ----------------------------------------------------------------------------------------


def _view(image: np.ndarray, body: BodyModel, options: PareDemoOptions) -> WeakView:
    return WeakView(
        image.shape[1], image.shape[0], body.faces, wireframe=options.wireframe, sideview=options.sideview,
        keypoints=options.draw_keypoints,
    )  # fmt: skip


def _present(content: dict[int, dict[str, Any]]) -> dict[int, list[tuple[int, int]]]:
    """Frame -> (id, row) of those who are in it."""
    frames: dict[int, list[tuple[int, int]]] = {}
    for id, person in content.items():
        for row, frame in enumerate(person["frame_ids"]):
            frames.setdefault(int(frame), []).append((id, row))
    return frames


def _mesh(person: dict[str, Any], row: int, body: BodyModel, *, refined: bool) -> np.ndarray:
    """(V,3) of one row: from the dict, or posed again where it holds no vertices. refined: by the fit on this body."""
    if person["verts"] is not None:
        return person["verts"][row]
    one = slice(row, row + 1)
    pose, betas = np.asarray(person["pose"][one], np.float64), np.asarray(person["betas"][one], np.float64)
    return body.vertices(pose, betas if refined else betas_for(body, betas), np.zeros((1, 3)))[0]


def _times(reader: VideoReader, parity: bool) -> Iterator[tuple[int, float, np.ndarray]]:
    for frame in reader:
        yield frame.index, frame.index / PARITY_RATE if parity else frame.time, frame.image


_Content = dict[int, dict[str, Any]]


def _render(
    reader: VideoReader, content: _Content, body: BodyModel, path: Path, options: PareDemoOptions, progress: Progress
) -> Path:
    """Write the video of the bodies over the source."""
    present, colors = _present(content), track_colors(list(content))
    audio = reader.path if reader.path.is_file() and not options.demo.parity else None
    view = _view(np.zeros((reader.height, reader.width, 3), np.uint8), body, options)
    with VideoWriter(path, view.width, reader.height, audio_from=audio) as writer:
        for index, time, image in _times(reader, options.demo.parity):
            bodies = []
            for id, row in present.get(index, ()):
                mesh = _mesh(content[id], row, body, refined=options.run_smplify)
                joints = content[id]["smpl_joints2d"][row]
                bodies.append(WeakBody(mesh, content[id]["orig_cam"][row], colors[id], joints))
            writer.write(view.draw(image, bodies), time)
            progress(index + 1, reader.num_frames_estimate)
    return path


def _attention_video(
    reader: VideoReader,
    content: _Content,
    estimator: PareEstimator,
    path: Path,
    options: PareDemoOptions,
    progress: Progress,
) -> Path:
    """Write a video of where the network looks, for the person who is there longest."""
    id = max(content, key=lambda id: len(content[id]["frame_ids"]))
    person = content[id]
    rows = {int(frame): row for row, frame in enumerate(person["frame_ids"])}
    writer = None
    last = max(rows)
    with contextlib.ExitStack() as stack:
        for index, time, image in _times(reader, options.demo.parity):
            if index in rows:
                cut = crop(image, person["bboxes"][rows[index]], scale=options.demo.crop_scale)
                maps = estimator(cut[None], maps=True).attention
                picture = attention_sheet(cut, np.zeros((24, 56, 56)) if maps is None else maps[0])
                if writer is None:
                    writer = stack.enter_context(VideoWriter(path, picture.shape[1], picture.shape[0]))
                writer.write(picture, time)
                progress(index + 1, last + 1)
            if index >= last:
                break
    return path


def _write_meshes(content: _Content, body: BodyModel, folder: Path, options: PareDemoOptions) -> Path:
    for id, person in content.items():
        for row, frame in enumerate(person["frame_ids"]):
            mesh = _mesh(person, row, body, refined=options.run_smplify)
            write_obj(folder / f"{id:04d}" / f"{int(frame):06d}.obj", mesh, body.faces)
    return folder
