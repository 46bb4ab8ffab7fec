"""A small PDF written by hand. Source: ISO 32000-1, 7.5 (file structure), 14.3.3 (information)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_LOCK = f"<< /Filter /Standard /V 1 /R 2 /P -44 /O <{'5a' * 32}> /U <{'a5' * 32}> >>"


def pdf_bytes(
    jpeg: bytes,
    *,
    width: int,
    height: int,
    pages: int = 1,
    information: Mapping[str, str] | None = None,
    locked: bool = False,
    texts: Sequence[str] | None = None,
) -> bytes:
    """Return a PDF whose pages show a JPEG over their whole size (in points).

    A locked one claims to be encrypted with a password that nobody has. With texts there is a page
    for each instead, which shows its lines and no picture; letters are those of Windows 1252.
    """
    if texts is not None:
        return _written_pages(texts, width, height)
    drawing = f"q {width} 0 0 {height} 0 0 cm /Photo Do Q".encode("ascii")
    page_numbers = range(6, 6 + pages)
    kids = " ".join(f"{number} 0 R" for number in page_numbers)
    entries = " ".join(f"/{key} ({value})" for key, value in (information or {}).items())
    photo = f"/Type /XObject /Subtype /Image /Width {width} /Height {height}"
    photo += " /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode"
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode("ascii"),
        3: _stream(photo, jpeg),
        4: _stream("", drawing),
        5: f"<< {entries} >>".encode("latin-1"),
        **{number: _page(width, height) for number in page_numbers},
    }
    return _file(objects, _LOCK if locked else "")


def _page(width: int, height: int) -> bytes:
    resources = "/Resources << /XObject << /Photo 3 0 R >> >>"
    return (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] "
        f"/Contents 4 0 R {resources} >>"
    ).encode("ascii")


def _written_pages(texts: Sequence[str], width: int, height: int) -> bytes:
    numbers = [6 + 2 * index for index in range(len(texts))]
    kids = " ".join(f"{number} 0 R" for number in numbers)
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {len(texts)} >>".encode("ascii"),
        3: font,
        4: b"<< >>",
        5: b"<< >>",
    }
    for number, text in zip(numbers, texts, strict=True):
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}]"
        page += f" /Contents {number + 1} 0 R /Resources << /Font << /F 3 0 R >> >> >>"
        objects[number] = page.encode("ascii")
        objects[number + 1] = _stream("", _shown_lines(text, height))
    return _file(objects, "")


def _shown_lines(text: str, height: int) -> bytes:
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    lines = "".join(f"({line}) Tj T*\n" for line in escaped.splitlines())
    return f"BT /F 12 Tf 14 TL 20 {height - 20} Td\n{lines}ET".encode("cp1252")


def _stream(entries: str, content: bytes) -> bytes:
    head = f"<< {entries} /Length {len(content)} >>\nstream\n".encode("ascii")
    return head + content + b"\nendstream"


def _file(objects: Mapping[int, bytes], lock: str) -> bytes:
    content = b"%PDF-1.4\n"
    places = []
    for number, written in objects.items():
        places.append(len(content))
        content += f"{number} 0 obj\n".encode("ascii") + written + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"/Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R"
    if lock:
        trailer += f" /Encrypt {lock} /ID [<00> <00>]"
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    end += f"trailer\n<< {trailer} >>\nstartxref\n{len(content)}\n%%EOF\n"
    return content + end.encode("ascii")
