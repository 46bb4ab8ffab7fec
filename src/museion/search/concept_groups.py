"""Words for what people most often want to leave out, and how clearly a picture must show it.

The longest list is that of people: nobody who writes "without people" means to keep a boy.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConceptGroup:
    """A concept with what belongs to it.

    Attributes:
        names: what it is called, in English and German; the first is what pictures are held
            against.
        members: English words for what belongs to it.
        also: other words that say it, for texts only.
        seen_z: from so many deviations above unrelated pairs a picture shows it.
    """

    names: tuple[str, ...]
    members: tuple[str, ...]
    also: tuple[str, ...]
    seen_z: float


UNGROUPED_SEEN_Z = 1.0
"""For concepts without a group: as for bicycles, in the middle of those that are things."""

_PERSONS = (
    "person people man men woman women boy boys girl girls child children kid kids baby toddler"
    " adult adults lady guy crowd couple family friends player players rider skier surfer climber"
    " biker cyclist runner dancer skateboarder snowboarder athlete teenager worker"
)
_GERMAN_PERSONS = "mensch menschen person personen leute mann männer frau frauen kind kinder"


def concept_groups() -> tuple[ConceptGroup, ...]:
    """Return the groups. Where each begins to be seen was measured on half of the dev photos.

    About nine in ten photos whose captions name the concept lie above it, save for things that the
    embedded encoder tells apart more clearly. Other encoders are taken to lie alike.
    """
    return (
        _group("people humans persons menschen leute personen", _PERSONS, _GERMAN_PERSONS, -0.65),
        _group(
            "adults grownups grown-ups erwachsene erwachsenen",
            "man men woman women adult adults lady guy gentleman couple",
            "erwachsene mann männer frau frauen",
            -0.35,
        ),
        _group("men male males männer", "man men guy gentleman", "mann männer", 0.05),
        _group("women female females frauen", "woman women lady ladies", "frau frauen", -0.1),
        _group(
            "children kids kinder",
            "child children boy boys girl girls kid kids baby toddler",
            "kind kinder mädchen baby",
            -0.35,
        ),
        _group("dogs hunde", "dog dogs puppy hound terrier retriever", "hund hunde welpe", 1.6),
        _group("cats katzen", "cat cats kitten kittens", "katze katzen kätzchen", 1.6),
        _group(
            "animals tiere",
            "animal animals dog dogs puppy cat horse bird birds cow sheep duck monkey goat",
            "tier tiere hund hunde katze katzen pferd pferde vogel vögel kuh schaf",
            0.6,
        ),
        _group(
            "vehicles fahrzeuge",
            "vehicle vehicles car cars truck bus van motorcycle motorbike train boat",
            "fahrzeug auto autos lkw bus motorrad zug boot",
            0.6,
        ),
        _group(
            "cars automobiles autos", "car cars truck van automobile jeep", "auto autos wagen", 1.0
        ),
        _group(
            "bicycles bikes fahrräder",
            "bicycle bicycles bike bikes cyclist",
            "fahrrad fahrräder rad",
            1.0,
        ),
        _group("snow schnee", "snow snowy ski skier snowboard", "schnee verschneit", 0.25),
        _group("night nighttime nacht", "night nighttime evening", "nacht nachts abend", 0.8),
        _group("text writing schrift", "text writing letters words", "schrift", 1.0),
    )


def _group(names: str, members: str, also: str, seen_z: float) -> ConceptGroup:
    return ConceptGroup(tuple(names.split()), tuple(members.split()), tuple(also.split()), seen_z)
