"""The two checkpoints of the PARE release, which the user downloads from the authors."""

from __future__ import annotations

from kinema.models.pare.facts import CHECKPOINTS, TENSORS
from kinema.weights.entry import Entry, Licence, TrainingData

PARE = Licence(
    key="pare",
    name="PARE licence (Max Planck Society)",
    url="https://github.com/mkocabas/PARE/blob/master/LICENSE",
    summary="non-commercial scientific research only",
    research_only=True,
)

RELEASE = TrainingData(
    "Human3.6M and others",
    "COCO, MPII, LSPET, Human3.6M and MPI-INF-3DHP with fitted bodies, most of which are for non-commercial research",
)
WITH_3DPW = TrainingData("PARE's and 3DPW", "the images of `pare`, and 3DPW, which is for non-commercial research")


def _checkpoint(name: str, what: str, data: TrainingData, configuration: str) -> Entry:
    file = CHECKPOINTS[name]
    return Entry(
        name=name,
        group="pare",
        file=file,
        what=what,
        licence=PARE,
        data=data,
        instructions=(
            f"download the data of the PARE release (its scripts/prepare_data.sh) and add data/pare/checkpoints/{file}"
        ),
        holds=TENSORS,
        companions=(configuration,),
    )


ENTRIES = (
    _checkpoint("pare", "PARE: image to SMPL", RELEASE, "pare_config.yaml"),
    _checkpoint("pare-3dpw", "the same, with 3DPW", WITH_3DPW, "pare_w_3dpw_config.yaml"),
)
