"""Makes a site with the sample library and serves it.

The photos lie in `sample_library` without metadata; what `library.json` tells of each is written
into a copy, as a camera and an editor would have done, and the copies are ingested.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "examples" / "sample_library"
PHOTOS = ROOT / ".build" / "demo-photos"
SITE = ROOT / "demo-site"


def main() -> None:
    """Make, fill and serve the site; whatever is done already is not done again."""
    arguments = _arguments()
    photos = prepare_photos(PHOTOS)
    museion = Path(sys.executable).with_name("museion")
    subprocess.run([museion, "init", arguments.site, "--name", "Museion demo"], check=True)
    subprocess.run([museion, "ingest", "--site", arguments.site, photos], check=True)
    print('Try: .venv/bin/museion search --site demo-site "a polar bear walking in the snow"')
    if not arguments.no_serve:
        port = ["--port", str(arguments.port)] if arguments.port is not None else []
        sys.stdout.flush()
        # This process becomes the server, so Ctrl-C reaches nobody else.
        command = [str(museion), "serve", "--site", str(arguments.site), *port]
        os.execv(museion, command)  # noqa: S606


def prepare_photos(folder: Path) -> Path:
    """Copy the sample library into a folder, with its metadata written into the copies."""
    from museion.media.metadata_writing import write_metadata

    folder.mkdir(parents=True, exist_ok=True)
    for entry in json.loads((LIBRARY / "library.json").read_text("utf-8")):
        copy = folder / entry["file"]
        if not copy.exists():
            unfinished = copy.with_suffix(".part")
            shutil.copyfile(LIBRARY / entry["file"], unfinished)
            write_metadata(unfinished, metadata_of(entry))
            unfinished.rename(copy)
    return folder


def metadata_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what the demo writes into a photo, by the names that `write_metadata` knows.

    An entry's `write` names what this photo is to tell of itself: in real life, too, some photos
    have no caption, no place, or nothing at all.
    """
    told: dict[str, Any] = {}
    for part in entry["write"]:
        told |= _part(entry, part)
    return told


def _part(entry: dict[str, Any], part: str) -> dict[str, Any]:
    match part:
        case "place":
            return {name: entry["place"][name] for name in ("city", "country")}
        case "gps":
            return {name: entry["place"][name] for name in ("latitude", "longitude")}
        case "camera":
            return {_NAMES.get(name, name): value for name, value in entry["camera"].items()}
        case "keywords":
            return {part: tuple(entry[part])}
        case "creator":
            return {part: (entry[part],)}
        case _:
            return {_NAMES.get(part, part): entry[part]}


# Names in library.json that differ from those of museion.media.metadata.
_NAMES = {
    "make": "camera_make",
    "model": "camera_model",
    "exposure_s": "exposure_time_s",
    "licence": "rights",
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=SITE, help="folder of the site")
    parser.add_argument("--port", type=int, help="port to serve at")
    parser.add_argument("--no-serve", action="store_true", help="stop after the ingest")
    return parser.parse_args()


if __name__ == "__main__":
    main()
