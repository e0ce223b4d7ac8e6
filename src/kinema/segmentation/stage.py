"""The stage `segment` of a run: a file of masks, which later stages and people use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from kinema.motion import Motion
from kinema.options import same_as
from kinema.segmentation.choice import MASKS
from kinema.segmentation.options import MaskOptions
from kinema.segmentation.registry import SOURCES, mask_file, source_of
from kinema.stage import Context, Stage, given

if TYPE_CHECKING:
    from kinema.video import VideoReader

NONE = "none"

OWN = "blazepose"
"""The keypoint network's own masks, with which tracking already hides people."""


@dataclass(frozen=True)
class RunMaskOptions(MaskOptions):
    """Whether a run makes masks, and how. threads: as in tracking."""

    source: str = same_as(
        MaskOptions,
        "source",
        default=NONE,
        group="masks",
        help=f"also write a mask of each person (masks.json), from {', '.join(row.name for row in SOURCES.built_in)} or"
        " a mask file (default: none)",
    )
    threads: int | None = None

    optional: ClassVar[bool] = True


def segment(motion: Motion, context: Context, options: RunMaskOptions) -> Motion:
    """The motion with `masks` of its people, and the path of a file of masks at the video's size in `data`, in which
    their ids are kept. If a source gives one mask of all people, a person's mask is its part in their box.
    """
    from kinema.segmentation.files import write_masks
    from kinema.segmentation.making import make_masks, open_masks
    from kinema.segmentation.person_masks import PersonMasks
    from kinema.storage.stored import lasting_folder

    video = given(context.video)
    folder = lasting_folder() if context.folder is None else context.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    semantic = source_of(options.source).semantic
    ids = (1,) if semantic else tuple(person.id for person in motion)
    source = open_masks(options, motion, threads=options.threads or 1, folder=folder, note=context.notes.append)
    with PersonMasks(motion, folder, semantic=semantic) as kept:
        masks = make_masks(
            source, video, ids, clean=options.clean, semantic=semantic, progress=context.progress, shown=kept.put
        )
    path = folder / "masks.json"
    write_masks(masks, path)
    return motion.replace(people=kept.people(), data={**motion.data, MASKS: str(path)})


def _networks(options: RunMaskOptions) -> Sequence[str]:
    if options.source == NONE:
        return ()
    if options.source == OWN:
        from kinema.keypoints.registry import networks_of

        return networks_of(OWN)
    names = source_of(options.source).weights
    return names if options.checkpoint is None else names[:-1]


def _files(options: RunMaskOptions) -> Mapping[str, str]:
    """sha256 of the checkpoint and of the file of masks. Raises InputError if one is missing."""
    from kinema.segmentation.files import read_masks
    from kinema.segmentation.making import checkpoints_of
    from kinema.weights.cache import hashed, known_sha256

    if options.source == NONE:
        return {}
    found = {}
    if options.checkpoint is not None:
        checkpoints_of(options)
        found[options.checkpoint.name] = known_sha256(options.checkpoint)
    file = mask_file(options.source)
    if file is not None:
        read_masks(file)  # what is wrong with it is said before people are tracked
        parts = [file] if file.is_file() else sorted(path for path in file.rglob("*") if path.is_file())
        found |= {str(part.relative_to(file.parent)): hashed(part) for part in parts}
    return found


def _check(video: VideoReader, options: RunMaskOptions) -> None:
    from kinema.segmentation.making import require_of_video

    if options.source != NONE:
        require_of_video(options, video)


segment_people = Stage(
    name="segment",
    title="making masks",
    options=RunMaskOptions,
    run=segment,
    requires=("boxes",),
    fills=("masks",),
    networks=_networks,
    files=_files,
    check=_check,
    video=True,
    slow=True,
    needed=lambda motion, options: options.source != NONE,
)
"""Person masks; a run makes them only if they are asked for."""
