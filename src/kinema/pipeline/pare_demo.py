"""PARE's demo on a video or a folder of images, with the original's options and files.

A video gives `pare_output.pkl` (see `kinema.models.pare.published_keys`) and a video with the bodies overlaid; a folder
gives one `.pkl` and one rendering for each image. Kinema detects and tracks the people, unless external detections are
given.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError, UsageError
from kinema.estimation import FitOptions, fit_body
from kinema.formats.kinema_pkl import write_pickle
from kinema.formats.pare_keys import pare_keys
from kinema.models.pare.crops import crop
from kinema.models.pare.joints import JointDefinition, joint_definition
from kinema.models.pare.published_keys import demo_image, demo_person
from kinema.models.pare.regression import regress_people
from kinema.models.pare.release import PareRelease, body_note
from kinema.models.pare.torch_run import PareEstimator
from kinema.models.pare.tracks import regress_tracks
from kinema.motion import Motion
from kinema.pipeline.pare_demo_options import PareDemoOptions, PareDemoResult
from kinema.pipeline.pare_demo_renderings import (
    weak_view,
    write_attention,
    write_meshes,
    write_obj,
    write_png,
    write_video,
)
from kinema.pipeline.pare_people import Tracks, demo_tracks, people_in_images
from kinema.pipeline.watching import RunWatcher, timed
from kinema.tracking import track_people
from kinema.video import VideoReader, open_video
from kinema.video.images import list_images
from kinema.visualization.attention import attention_sheet
from kinema.visualization.drawing import track_colors
from kinema.visualization.weak_views import WeakBody

OUTPUT = "pare_output.pkl"

MOST_VERTICES = 2_000_000_000
"""Bytes of vertices that are kept by default: 13 minutes of one person at 30 frames per second."""


class _Tools:
    """The network, the body and its joints, loaded once."""

    def __init__(self, options: PareDemoOptions) -> None:
        release = PareRelease(options.data)
        path = release.checkpoint(options.pare.checkpoint)
        self.body: BodyModel = release.body(options.body_model)
        self.joints: JointDefinition = joint_definition(self.body, release.file("J_regressor_extra.npy"))
        pare = options.pare
        self.estimator = PareEstimator(path, device=pare.device, precision=pare.precision, threads=pare.threads)
        self.warnings = [note for note in (body_note(self.body),) if note is not None]
        if self.joints.definition != "published":
            self.warnings.append(
                "the joints beyond SMPL's 24 are Kinema's own points with the same names; with J_regressor_extra.npy of"
                " the PARE release (`data`) and an SMPL file they are the published ones"
            )


def demo_video(
    video: str | Path, folder: str | Path, options: PareDemoOptions | None = None, *, watcher: RunWatcher | None = None
) -> PareDemoResult:
    """Run the demo on a video and write its files into `folder`.

    Raises InputError (unreadable video, nobody in it), WeightsError (no checkpoint), UsageError, OutputError.
    """
    options, watcher, folder = options or PareDemoOptions(), watcher or RunWatcher(), Path(folder)
    with open_video(video, options=options.video) as reader:
        tools = _Tools(options)
        with timed(watcher, "track") as progress:
            motion = None if options.detections else track_people(reader, options.tracking, progress=progress)
            tracks, keypoints = demo_tracks(motion, options)
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
                result.files["meshes"] = write_meshes(content, tools.body, folder / "meshes", options)
        if options.render:
            with timed(watcher, "overlay") as progress:
                name = f"{Path(video).stem}_result.mp4"
                result.files["video"] = write_video(reader, content, tools.body, folder / name, options, progress)
        if options.show_attention:
            with timed(watcher, "attention") as progress:
                path = folder / f"{Path(video).stem}_attention.mp4"
                result.files["attention"] = write_attention(reader, content, tools.estimator, path, options, progress)
    for sentence in result.warnings:
        watcher.note(sentence)
    return result


def demo_folder(
    images: str | Path, folder: str | Path, options: PareDemoOptions | None = None, *, watcher: RunWatcher | None = None
) -> PareDemoResult:
    """Run the demo on every image of a folder (or one image): `<name>.pkl` and `<name>.png` for each.

    An image that cannot be read, or in which nobody is found, is skipped with a warning.
    """
    options, watcher, folder = options or PareDemoOptions(), watcher or RunWatcher(), Path(folder)
    if options.run_smplify or options.detections is not None or options.tracking_method != "bbox":
        raise UsageError("run_smplify, detections and tracking by pose are for videos; leave them out for images")
    images = Path(images)
    files = list_images(images) if images.is_dir() else (images,)
    tools = _Tools(options)
    result = PareDemoResult(folder, 0, 0, tools.joints.definition, tools.body.name, {}, list(tools.warnings))
    with timed(watcher, "regress") as progress:
        for file, image, boxes in people_in_images(files, options.tracking, result.warnings, options.video):
            _one_image(file, image, boxes, tools, options, result)
            progress(files.index(file) + 1, len(files))
    if not result.frames:
        raise InputError(f"nobody was found in {images}; use images in which at least one person is seen")
    for sentence in result.warnings:
        watcher.note(sentence)
    return result


def _one_image(
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
        view = weak_view(image, tools.body, options)
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


def _bounded(options: PareDemoOptions, tracks: Tracks, tools: _Tools) -> PareDemoOptions:
    """The options with `vertices` resolved: an hour of them would exhaust the memory."""
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
    """The dict of the demo, with bodies refined on the 2D keypoints by Kinema's fit."""
    with timed(watcher, "regress") as progress:
        motion = regress_people(motion, reader, tools.body, tools.estimator, options.pare, progress=progress)
    with timed(watcher, "fit") as progress:
        motion = fit_body(motion, tools.body, FitOptions(prior="estimate"), progress=progress)
    return {
        person.id: pare_keys(motion, person, tools.body, vertices=bool(options.demo.vertices))
        for person in motion
        if person.pose is not None
    }
