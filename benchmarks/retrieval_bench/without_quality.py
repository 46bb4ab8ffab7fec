"""Without what must not be seen: what stays, and what is lost."""

from __future__ import annotations

import numpy as np
from figures import Figure
from retrieval_bench.dev_split import DevSplit

from museion.models.embedded import TextTower
from museion.search.concepts import unwanted

CONCEPTS = ("people", "adults", "children", "dogs", "animals", "cars", "bicycles", "snow")


def without_figures(dev: DevSplit, tower: TextTower) -> list[Figure]:
    """Leave out concepts by the picture alone; captions, which leave things out, are the truth."""
    print("without …: stays pure (before) / of what should stay, kept / of what should go, gone")
    found: list[Figure] = []
    odd = np.arange(1, len(dev.photos), 2)
    for name in CONCEPTS:
        concept = unwanted(name, tower.encode_texts)
        shown = dev.naming(concept.words)[odd]
        stays = ~concept.is_seen(dev.photos[odd])
        pure, before = (~shown)[stays].mean(), (~shown).mean()
        kept, gone = stays[~shown].mean(), (~stays)[shown].mean()
        print(f"  {name:<9} {pure:.2f} ({before:.2f}) / {kept:.2f} / {gone:.2f}")
        found.append(
            Figure(
                f"without.{name}.pure",
                100 * float(pure),
                "%",
                "all photos",
                round(float(pure / before), 3),
            )
        )
        found.append(Figure(f"without.{name}.kept", 100 * float(kept), "%"))
    return found
