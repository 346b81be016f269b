"""Print the folders of the stand-in interface packages that this environment needs.

A package of compat/ is needed where no prefix of AMENT_PREFIX_PATH holds the real one. A copy that
was built from here earlier does not count as the real one: it must stay up to date.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from xml.etree import ElementTree

OUR_MAINTAINER = "hybrid_pose_ros maintainers"


def is_real(manifest: Path) -> bool:
    """True if the manifest exists and is not one of ours."""
    if not manifest.is_file():
        return False
    names = [node.text for node in ElementTree.parse(manifest).getroot().iter("maintainer")]
    return OUR_MAINTAINER not in names


def missing(compat: Path, prefixes: list[Path]) -> list[Path]:
    """Folders below `compat` whose package no prefix provides, in alphabetical order."""
    folders = sorted(manifest.parent for manifest in compat.glob("*/package.xml"))
    return [
        folder
        for folder in folders
        if not any(is_real(prefix / "share" / folder.name / "package.xml") for prefix in prefixes)
    ]


def main() -> None:
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    found = missing(Path(__file__).resolve().parent, [Path(p) for p in prefixes if p])
    sys.stdout.write("".join(f"{folder}\n" for folder in found))


if __name__ == "__main__":
    main()
