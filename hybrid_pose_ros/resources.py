"""Where the package's data files live: the installed share folder, or the source tree."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = "hybrid_pose_ros"


def _share_candidates() -> list[Path]:
    here = Path(__file__).resolve()
    candidates = [here.parents[1]]  # a source checkout: the folder above the Python package
    # An installed package lies in <prefix>/lib/python3.x/site-packages/hybrid_pose_ros (or below
    # <prefix>/local/lib/...), its data in <prefix>/share/hybrid_pose_ros.
    candidates += [parent / "share" / PACKAGE for parent in here.parents[2:7]]
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    candidates += [Path(prefix) / "share" / PACKAGE for prefix in prefixes if prefix]
    return candidates


def share_path(*parts: str) -> Path:
    """Find a data file or folder of this package: 'config', 'nodes.yaml' for example.

    Raises:
        FileNotFoundError: if no installed or source folder holds it; names the places searched.
    """
    candidates = _share_candidates()
    for folder in candidates:
        path = folder.joinpath(*parts)
        if path.exists():
            return path
    searched = ", ".join(str(folder) for folder in candidates)
    raise FileNotFoundError(f"{'/'.join(parts)} is not installed; searched {searched}")


def own_or_shared(path: str | Path) -> Path:
    """The file of that name, or, where there is none, the package's own: weights/..., say.

    Settings that are shipped name shipped weights; they hold in any folder.
    """
    path = Path(path)
    if path.is_absolute() or path.exists():
        return path
    try:
        return share_path(*path.parts)
    except FileNotFoundError:
        return path  # whoever opens it says what is missing
