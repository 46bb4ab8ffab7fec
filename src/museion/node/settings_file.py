"""Changes of a site's settings file by the program; what people wrote beside them stays."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from museion.log.durable_file import write_durably
from museion.node.settings import FILE_NAME, Settings, read_settings
from museion.search.fusion import FusionSettings


def write_fusion(folder: Path, fusion: FusionSettings) -> Settings:
    """Put into the settings of a site how much the signals of its search count; return them all.

    Each key takes the place of its line, in use or a comment, else it comes at the end. The file is
    changed as a whole or not at all.

    Raises:
        NoSite, BadSettings: the file cannot be read; nothing was done.
    """
    read_settings(folder)
    place = folder / FILE_NAME
    text, mode = place.read_text("utf-8"), place.stat().st_mode
    for name, value in dataclasses.asdict(fusion).items():
        text = _with_line(text, f"search_{name}", f"search_{name} = {value!r}")
    write_durably(place, text.encode(), incoming=folder)
    place.chmod(mode & 0o777)  # who could read it before still can
    return read_settings(folder)


def _with_line(text: str, key: str, line: str) -> str:
    pattern = rf"^[ \t]*(?:#[ \t]*)?{key}[ \t]*=.*$"
    in_use = re.compile(rf"^[ \t]*{key}[ \t]*=.*$", re.MULTILINE)
    changed, count = in_use.subn(line, text, count=1)
    if not count:
        changed, count = re.subn(pattern, line, text, count=1, flags=re.MULTILINE)
    return changed if count else f"{text.rstrip()}\n{line}\n"
