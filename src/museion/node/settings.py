"""The one table of settings: `museion.toml` in a site's folder. Unknown keys are errors."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from museion.base.errors import InvalidInput, NotFound
from museion.search.fusion import DEFAULT_SETTINGS, FusionSettings

FILE_NAME = "museion.toml"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one site; the description of each is what `museion init` and the docs print."""

    name: Annotated[str, Meta(min_length=1, description="What people call this site.")]
    host: Annotated[
        str, Meta(description="Address to listen on. Anything but loopback opens the site to all.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes any.")] = 8420
    workers: Annotated[
        int,
        Meta(
            ge=0, le=1024, description="Worker processes for decoding; 0 means one per processor."
        ),
    ] = 0
    worker_memory_mib: Annotated[
        int,
        Meta(
            ge=1024,  # less does not hold the libraries and a small picture
            le=1 << 24,
            description="Address space of one worker, MiB; more is a broken file.",
        ),
    ] = 3072
    worker_time_s: Annotated[
        float,
        Meta(gt=0, le=86_400, description="Longest time for one file in a worker, seconds."),
    ] = 60.0
    max_megapixels: Annotated[
        int, Meta(ge=1, description="Largest picture that is decoded, millions of pixels.")
    ] = 500
    max_upload_mib: Annotated[
        int,
        Meta(ge=1, le=1 << 24, description="Largest file that may be uploaded over HTTP, MiB."),
    ] = 8192
    encoder: Annotated[
        str,
        Meta(description="Model that a new site searches with; `museion models use` changes it."),
    ] = "museion-embedded-1"
    recognise_text: Annotated[
        bool,
        Meta(
            description="Read the text in pictures: about 0.4 s of a processor for each; needs"
            " `museion[text]`."
        ),
    ] = False
    speech_model: Annotated[
        str,
        Meta(
            description="Model that hears speech in films and sounds: `whisper-base`, or a folder;"
            " empty: none. It needs `museion[speech]`."
        ),
    ] = ""
    url: Annotated[
        str,
        Meta(
            pattern="^(https?://.+)?$",
            description="Address at which other sites reach this one; empty where they cannot.",
        ),
    ] = ""
    blobs: Annotated[
        Literal["everything", "renditions-only", "on-demand"],
        Meta(description="Blobs of other sites that are kept here before somebody asks for them."),
    ] = "everything"
    blobs_filter: Annotated[
        str,
        Meta(
            description="Filter words, as `type:photo`: originals of other assets only on demand."
        ),
    ] = ""
    blobs_mib_per_s: Annotated[
        float,
        Meta(ge=0, le=1 << 20, description="Most that blobs take of the line, MiB/s; 0: no limit."),
    ] = 0.0
    files_at_once: Annotated[
        int, Meta(ge=1, le=64, description="Files that an ingest reads at the same time.")
    ] = 8
    search_words_weight: Annotated[
        float,
        Meta(ge=0, le=1000, description="How much words count in a search; see `museion tune`."),
    ] = DEFAULT_SETTINGS.words_weight
    search_meaning_weight: Annotated[
        float, Meta(ge=0, le=1000, description="How much meaning counts in a search.")
    ] = DEFAULT_SETTINGS.meaning_weight
    search_offset: Annotated[
        int,
        Meta(ge=1, le=10_000, description="Added to ranks: larger makes first hits count less."),
    ] = DEFAULT_SETTINGS.offset
    search_partial_belief: Annotated[
        float,
        Meta(ge=0, le=1, description="How much a hit counts that says a part of the words."),
    ] = DEFAULT_SETTINGS.partial_belief
    search_guessed_belief: Annotated[
        float,
        Meta(ge=0, le=1, description="How much a hit counts of which only labels say the words."),
    ] = DEFAULT_SETTINGS.guessed_belief

    @property
    def fusion(self) -> FusionSettings:
        """How much the signals of a search count beside each other."""
        names = [each.name for each in dataclasses.fields(FusionSettings)]
        return FusionSettings(**{name: getattr(self, f"search_{name}") for name in names})


class NoSite(NotFound):
    """The folder is not a site."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"{folder} is not a site: it has no {FILE_NAME}.",
            remedy="Make one with `museion init DIR`, or name another with `--site DIR`.",
        )


class BadSettings(InvalidInput):
    """The settings file cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}.", remedy="See the table of settings in the docs.")


def read_settings(folder: Path) -> Settings:
    """Return the settings of the site in a folder.

    Raises:
        NoSite: there is no settings file.
        BadSettings: it cannot be read, is no TOML, a key is unknown, or a value is out of range.
    """
    path = folder / FILE_NAME
    try:
        table = tomllib.loads(path.read_text("utf-8"))
        return msgspec.convert(table, Settings)
    except (FileNotFoundError, NotADirectoryError) as reason:
        raise NoSite(folder) from reason
    except OSError as reason:
        raise BadSettings(path, f"it cannot be read: {reason.strerror or reason}") from reason
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as reason:
        raise BadSettings(path, str(reason)) from reason


def settings_text(name: str) -> str:
    """Return the text of a new settings file: the name, and every other setting as a comment."""
    lines = [f"name = {_toml(name)}", ""]
    for key, default, description in settings_table():
        if key != "name":
            lines += [f"# {description}", f"# {key} = {_toml(default)}", ""]
    return "\n".join(lines)


def settings_table() -> list[tuple[str, object, str]]:
    """Return key, default and description of every setting; the name has no default."""
    rows = []
    for field in msgspec.structs.fields(Settings):
        description = str(field.type.__metadata__[0].description)
        default = None if field.default is msgspec.NODEFAULT else field.default
        rows.append((field.name, default, description))
    return rows


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    # TOML and JSON write texts alike, but for one character. Names of folders need not be UTF-8.
    text = value.encode("utf-8", "replace").decode()
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
