"""A decoded picture must not depend on the array that a library decoded it into."""

from __future__ import annotations

import numpy as np
import pyvips

from museion.media.picture import own_memory


def test_a_picture_outlives_the_array_it_was_made_from() -> None:
    """Once, PDF and film workers crashed: the array was gone before its pixels were read."""
    pixels = np.full((40, 60, 3), 200, np.uint8)

    picture = own_memory(pyvips.Image.new_from_array(pixels))
    pixels[:] = 0

    assert picture.avg() == 200
