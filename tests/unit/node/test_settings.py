"""One table of settings; what is not understood is refused with its place."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.node.settings import (
    FILE_NAME,
    BadSettings,
    NoSite,
    Settings,
    read_settings,
    settings_table,
    settings_text,
)


def _write(folder: Path, text: str) -> Path:
    (folder / FILE_NAME).write_text(text, "utf-8")
    return folder


def test_a_new_file_holds_the_name_and_every_default(tmp_path: Path) -> None:
    assert read_settings(_write(tmp_path, settings_text("Harbour"))) == Settings(name="Harbour")


@pytest.mark.parametrize("name", [name for name, _, _ in settings_table()])
def test_every_setting_says_what_it_does(name: str) -> None:
    (description,) = [text for key, _, text in settings_table() if key == name]

    assert description.endswith(".")
    if name != "name":
        assert f"# {description}\n# {name} = " in settings_text("x")


def test_every_line_of_a_new_file_may_be_uncommented(tmp_path: Path) -> None:
    lines = settings_text("x").splitlines()
    uncommented = [line.removeprefix("# ") if " = " in line else line for line in lines]

    assert read_settings(_write(tmp_path, "\n".join(uncommented))) == Settings(name="x")


@given(st.text(min_size=1))
def test_any_name_survives_being_written(name: str) -> None:
    assert tomllib.loads(settings_text(name))["name"] == name


def test_a_name_that_is_not_utf8_is_written_with_marks() -> None:
    name = tomllib.loads(settings_text(os.fsdecode(b"caf\xe9")))["name"]

    assert name in {"caf?", "caf\ufffd"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "missing required field `name`"),
        ("name = ''", "length >= 1"),
        ("name = 'a'\nport = 80000", "`int` <= 65535"),
        ("name = 'a'\nport = '80'", "Expected `int`, got `str`"),
        ("name = 'a'\nworkers = -1", "`int` >= 0"),
        ("name = 'a'\nworker_time_s = 0", "> 0"),
        ("name = 'a'\nworker_time_s = nan", "worker_time_s"),
        ("name = 'a'\nworker_time_s = inf", "worker_time_s"),
        ("name = 'a'\nworker_memory_mib = 100", ">= 1024"),
        ("name = 'a'\nworker_memory_mib = 99999999999999", "worker_memory_mib"),
        ("name = 'a'\nports = 80", "unknown field `ports`"),
        ("name = 'a'\n[server]\nport = 80", "unknown field `server`"),
        ("name = 'a'\nname = 'b'", "Cannot overwrite a value"),
        ("name = a", "line 1"),
    ],
)
def test_what_is_not_understood_is_named_with_its_file(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(BadSettings) as refused:
        read_settings(_write(tmp_path, text))

    assert told in str(refused.value)
    assert str(tmp_path / FILE_NAME) in str(refused.value)


@pytest.mark.parametrize("content", [b"name = '\xff'", b"\0", "name = 'a'".encode("utf-16")])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    with pytest.raises(BadSettings, match=FILE_NAME):
        read_settings(tmp_path)


def test_a_folder_instead_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()

    with pytest.raises(BadSettings, match="it cannot be read: Is a directory"):
        read_settings(tmp_path)


def test_a_folder_without_settings_is_no_site(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for place in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(NoSite, match="museion init"):
            read_settings(place)
