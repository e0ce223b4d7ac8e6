"""One row of the weights catalogue: what a file is, its licence, and how to get it.

A file is either fetched from where it is published (`place`) or supplied by the user (`instructions`), because its
licence does not allow redistribution. `licence.research_only` files are used only after the user has agreed to the
licence once.
"""

from __future__ import annotations

from dataclasses import dataclass

from kinema.weights.places import Place


@dataclass(frozen=True)
class Licence:
    """The terms of use of a file. key: under which consent is recorded; url: of the full text; unclear: nobody grants
    the weights in writing, though the code is free."""

    key: str
    name: str
    url: str
    summary: str
    research_only: bool = False
    unclear: bool = False

    @property
    def use(self) -> str:
        """The permitted use of the file, in one word."""
        return "research" if self.research_only else "unclear" if self.unclear else "any"


@dataclass(frozen=True)
class TrainingData:
    """What is known about the images that a network was trained on. name: short; terms: what they are and who may use
    them, in one sentence."""

    name: str
    terms: str


@dataclass(frozen=True)
class Entry:
    """One file. name: in commands and code; group: a set that is fetched and added together. data: a network's training
    data.

    file: its name in the cache. about: its approximate size in bytes, from the published number of parameters, if
    `size` is not known. sha256 and size: None if published copies differ or are not available to us; such a file is
    recognised by its content: `holds` names tensors (of a body model keys, of an ONNX network outputs) that it must
    contain; a format without names by its `size`. digits: the first hex digits of the sha256, if its authors put only
    those into its name. member: its path inside the archive at `place`. companions: files next to it that are copied as
    well, if they exist.
    """

    name: str
    group: str
    file: str
    what: str
    licence: Licence
    data: TrainingData | None = None
    sha256: str | None = None
    digits: str = ""
    size: int | None = None
    about: int | None = None
    place: Place | None = None
    member: str = ""
    instructions: str = ""
    holds: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()

    @property
    def by_hand(self) -> str:
        """What the user can do if it cannot be fetched."""
        if self.place is None:
            return f"{self.instructions}: `kinema weights add {self.name} FILE`"
        return f"fetch {self.place.source} elsewhere and run `kinema weights add {self.group} FILE{self.place.suffix}`"


APACHE = Licence(
    key="apache-2.0",
    name="Apache-2.0",
    url="https://www.apache.org/licenses/LICENSE-2.0",
    summary="free for any use, commercial use included",
)

OPENMMLAB = Licence(
    key="openmmlab",
    name="Apache-2.0 (code); training data unclear",
    url="https://github.com/open-mmlab/mmpose/blob/main/LICENSE",
    summary="published with Apache-2.0 code; some of its training images are for academic use",
    unclear=True,
)

COCO = TrainingData(
    "COCO", "its labels are free for any use (CC BY 4.0), its images keep the terms of their owners on Flickr"
)
COCO_AND_IMAGENET = TrainingData(
    "COCO and ImageNet",
    "COCO's labels are free for any use (CC BY 4.0), its images keep the terms of their owners on Flickr; ImageNet's,"
    " with which training began, are for non-commercial research",
)
GOOGLE = TrainingData("Google's own", "images of people that Google has collected and labelled; they are not public")
