"""Lets Lightning load beside a torchvision whose compiled operators do not match this torch.

The CPU build of torch comes without a matching torchvision; the published wheel then fails at
import because operators that it describes do not exist. Nothing here uses torchvision, but a
dependency of Lightning imports it where it is installed. Declaring those operators is enough for
the import.
"""

from __future__ import annotations

import sys

import torch


def make_importable() -> None:
    """Call before importing lightning. Does nothing where torchvision works or is missing."""
    try:
        import torchvision
    except ImportError:
        return
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        # Kept alive on purpose: the declaration ends with the object.
        global _declarations
        _declarations = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            _declarations.define(name + signature)
        import torchvision  # noqa: F401


_declarations: torch.library.Library | None = None
