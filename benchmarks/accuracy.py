"""Accuracy against every truth at hand, as one page: docs/accuracy.md.

    python benchmarks/accuracy.py [--write docs/accuracy.md] [--only SECTION...] [--cache DIR] [--seeds N]

Sections: presets, positions, joints, definitions, angles, limbs, rendered, pictures, ablations. Clips are tracked once
and the result is kept in the cache; what follows is computed anew, so that a change of the fit is measured in about two
minutes, and everything for the first time in about twenty on two cores. KINEMA_DATA names the clips and their truth.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.chains import Kept
from benchmarks.accuracy_parts.data import DATA, require_data
from benchmarks.accuracy_parts.page import SECTIONS, page

from kinema.storage.atomic import atomic_path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the page to a file")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=tuple(SECTIONS), help="only these sections")
    parser.add_argument("--cache", type=Path, default=Path("outputs/accuracy"), help="folder of what was tracked")
    parser.add_argument("--seeds", type=int, default=1, help="rendered clips of each kind")
    args = parser.parse_args()
    require_data(DATA / "gt")
    text = page(Kept(args.cache), args.only, args.seeds)
    print(text)
    if args.write is not None:
        with atomic_path(args.write) as part:
            part.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
