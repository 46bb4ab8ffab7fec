"""Open wheels, npm archives, Debian packages, and the Qt resource files in them."""

import bz2
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

RESOURCE_MARK = "#"  # in a member's name: what follows is inside a Qt resource file


def package_file(folder: Path, *, name: str, version: str) -> Path:
    """Find the one package in a folder by its name and version, however its client named the file.

    Raises:
        FileNotFoundError: none or more than one is there.
    """
    wanted = _plain(f"{name}-{version}")
    found = [
        path for path in sorted(folder.iterdir()) if _plain(unquote(path.name)).startswith(wanted)
    ]
    if len(found) != 1:
        raise FileNotFoundError(
            f"expected one package of {name} {version} in {folder}, found {len(found)}"
        )
    return found[0]


def member_bytes(package: Path, member: str) -> bytes:
    """Return one member of a package, unpacked.

    A member `OUTER#INNER` is the file INNER of the Qt resource file OUTER; a `.dat` member is
    unpacked from bzip2.

    Raises:
        KeyError: the package has no such member.
    """
    outer, _, inner = member.partition(RESOURCE_MARK)
    content = _archive_member(package, outer)
    if inner:
        return dict(resource_files(content))[inner]
    return bz2.decompress(content) if outer.endswith(".dat") else content


def resource_files(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Walk a Qt resource file (`.rcc`): each path in it with its content, folders left out.

    Source: the format that Qt's `rcc --binary` writes, forms 1 to 3: magic, form, then the places
    of tree, data and names; a tree node has 14 bytes in form 1 and 22 after.
    """
    magic, form, tree, data, names = struct.unpack_from(">4s4I", content)
    if magic != b"qres":
        raise ValueError(f"expected a Qt resource file, found one that begins with {magic!r}")
    node_bytes = 14 if form == 1 else 22

    def name_at(place: int) -> str:
        (letters,) = struct.unpack_from(">H", content, names + place)
        start = names + place + 6  # after the length and a hash of the name
        return content[start : start + 2 * letters].decode("utf-16-be")

    def walk(node: int, folder: str) -> Iterator[tuple[str, bytes]]:
        place = tree + node * node_bytes
        name_place, flags = struct.unpack_from(">IH", content, place)
        if flags & 2:  # a folder: number of children, first child
            children, first = struct.unpack_from(">2I", content, place + 6)
            inside = f"{folder}{name_at(name_place)}/" if node else ""
            for child in range(first, first + children):
                yield from walk(child, inside)
        else:
            (offset,) = struct.unpack_from(">I", content, place + 10)
            yield folder + name_at(name_place), _resource_data(content, data + offset, flags)

    return walk(0, "")


def _resource_data(content: bytes, place: int, flags: int) -> bytes:
    (size,) = struct.unpack_from(">I", content, place)
    stored = content[place + 4 : place + 4 + size]
    return zlib.decompress(stored[4:]) if flags & 1 else stored


def _archive_member(package: Path, member: str) -> bytes:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return wheel.read(member)
    if package.suffix == ".deb":
        return _tar_member(_debian_data(package.read_bytes()), f"./{member}")
    return _tar_member(package.read_bytes(), member)


def _tar_member(archive: bytes, member: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        opened = tar.extractfile(member)
        if opened is None:
            raise KeyError(member)
        return opened.read()


def _debian_data(package: bytes) -> bytes:
    """Return `data.tar.*` of a Debian package: `ar`, 60-byte headers, contents padded to even."""
    place = 8
    while place < len(package):
        name = package[place : place + 16].decode("ascii").strip()
        size = int(package[place + 48 : place + 58])
        if name.startswith("data.tar"):
            return package[place + 60 : place + 60 + size]
        place += 60 + size + size % 2
    raise KeyError("data.tar")


def _plain(name: str) -> str:
    letters = (letter if letter.isalnum() or letter in ".+~" else "-" for letter in name)
    return "".join(letters).strip("-").lower()
