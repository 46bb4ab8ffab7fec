"""Makes the sample pictures beside this file from the sample library in `examples`.

Run `python src/museion/models/samples/make_samples.py` in the root of the repository.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

_LONGEST_SIDE = 192
_QUALITY = 75


def main() -> None:
    """Shrink every picture that SOURCES.md names."""
    here = Path(__file__).parent
    library = Path("examples/sample_library")
    rows = [
        line
        for line in (here / "SOURCES.md").read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    for row in rows:
        name = row.split("`")[1]
        picture = Image.open(library / name).convert("RGB")
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS)
        picture.save(here / name, quality=_QUALITY, optimize=True)


if __name__ == "__main__":
    main()
