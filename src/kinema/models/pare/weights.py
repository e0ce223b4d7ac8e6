"""The two checkpoints of the PARE release, which the user downloads from the authors."""

from __future__ import annotations

from kinema.models.pare.facts import CHECKPOINTS, TENSORS
from kinema.weights.entry import Entry, Licence

PARE = Licence(
    key="pare",
    name="PARE licence (Max Planck Society)",
    url="https://github.com/mkocabas/PARE/blob/master/LICENSE",
    summary="non-commercial scientific research only",
    research_only=True,
)


def _checkpoint(name: str, what: str, configuration: str) -> Entry:
    file = CHECKPOINTS[name]
    return Entry(
        name=name,
        group="pare",
        file=file,
        what=what,
        licence=PARE,
        instructions=(
            f"download the data of the PARE release (its scripts/prepare_data.sh) and add data/pare/checkpoints/{file}"
        ),
        holds=TENSORS,
        companions=(configuration,),
    )


ENTRIES = (
    _checkpoint("pare", "PARE: image to SMPL", "pare_config.yaml"),
    _checkpoint("pare-3dpw", "the same, with 3DPW", "pare_w_3dpw_config.yaml"),
)
