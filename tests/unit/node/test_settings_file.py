"""The program puts weights into the settings of a site; what people wrote there stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from museion.node.settings import NoSite, read_settings, settings_text
from museion.node.settings_file import write_fusion
from museion.search.fusion import DEFAULT_SETTINGS, FusionSettings

WANTED = FusionSettings(2.0, 0.5, 20, 0.3, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        settings_text("Harbour"),
        'name = "Harbour"',
        'name = "Harbour"\nsearch_offset = 7 # mine\nport = 9000\n',
        '# search_offset = 60\nname = "Harbour"\nsearch_offset = 7\n',
    ],
)
def test_weights_take_the_place_of_their_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "museion.toml").write_text(text)
    before = read_settings(tmp_path)
    told = write_fusion(tmp_path, WANTED)

    assert told.fusion == WANTED
    assert (told.name, told.port) == ("Harbour", before.port)
    assert [path.name for path in tmp_path.iterdir()] == ["museion.toml"]


def test_written_twice_it_is_as_written_once(tmp_path: Path) -> None:
    (tmp_path / "museion.toml").write_text(settings_text("Harbour"))
    write_fusion(tmp_path, WANTED)
    once = (tmp_path / "museion.toml").read_text()
    write_fusion(tmp_path, WANTED)

    assert (tmp_path / "museion.toml").read_text() == once
    assert write_fusion(tmp_path, DEFAULT_SETTINGS).fusion == DEFAULT_SETTINGS


def test_a_folder_that_is_no_site_gets_no_settings(tmp_path: Path) -> None:
    with pytest.raises(NoSite):
        write_fusion(tmp_path, WANTED)
    assert not list(tmp_path.iterdir())


def test_who_could_read_the_file_still_can(tmp_path: Path) -> None:
    place = tmp_path / "museion.toml"
    place.write_text('name = "x"\n')
    place.chmod(0o640)
    write_fusion(tmp_path, FusionSettings())
    assert place.stat().st_mode & 0o777 == 0o640
