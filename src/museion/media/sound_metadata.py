"""What a recording says of itself: its length and codec, and the tags of players."""

from __future__ import annotations

from pathlib import Path

import av

from museion.media.errors import CorruptMedia, UnsupportedMedia
from museion.media.metadata import Metadata
from museion.media.reading import Reading, read_all
from museion.media.sniff import MediaType
from museion.media.sound_samples import sound_track
from museion.media.video import open_film
from museion.media.video_metadata import noted_in, seconds


def read_sound_metadata(path: Path, media: MediaType) -> Metadata:
    """Return length and codec of a recording, and what its writer noted.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with open_film(path, media) as recording:
            stream = sound_track(recording, media)
            # Ogg keeps its notes with the track, the others with the file.
            noted = noted_in({**stream.metadata, **recording.metadata})
            structure: list[Reading] = [
                ("duration_s", "container", lambda: seconds(recording.duration)),
                ("audio_codec", "container", lambda: stream.codec_context.codec.canonical_name),
            ]
            told = read_all(structure, av.error.FFmpegError)
            return Metadata((*noted.values, *told.values), (*noted.warnings, *told.warnings))
    except (CorruptMedia, UnsupportedMedia) as reason:
        return Metadata(warnings=(f"container: {reason.message}",))
