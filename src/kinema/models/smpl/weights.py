"""The neutral SMPL body, for which the user registers and which they supply."""

from __future__ import annotations

from kinema.weights.entry import Entry, Licence

SMPL = Licence(
    key="smpl",
    name="SMPL model licence (Max Planck Society)",
    url="https://smpl.is.tue.mpg.de/modellicense.html",
    summary="non-commercial scientific research only; commercial licences from Meshcapade",
    research_only=True,
)

ENTRIES = (
    Entry(
        name="smpl-neutral",
        group="smpl",
        file="SMPL_NEUTRAL.pkl",
        what="licensed SMPL body",
        licence=SMPL,
        instructions="register on the SMPL site, download version 1.1.0 for Python and add "
        "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl or a copy of it called SMPL_NEUTRAL.pkl",
        holds=("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f"),
    ),
)
