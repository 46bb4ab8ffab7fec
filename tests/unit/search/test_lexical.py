"""Records are found by their words, filters are exact, and commits are whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.base.errors import Conflict, Damaged, InvalidInput
from museion.search.lexical import Field, LexicalHit, LexicalIndex, Texts
from museion.search.selection import Numbers, Selection

FIELDS = [
    Field("title", weight=2.0),
    Field("caption"),
    Field("filename", weight=2.0, kind="keyword"),
    Field("tags", kind="keyword"),
    Field("labels", weight=0.5, is_certain=False),
]
RECORDS: dict[str, Mapping[str, Texts]] = {
    "beach": {"caption": "A brown dog is running on the beach", "filename": "IMG_1234.JPG"},
    "slide": {"title": "Two kids on a red slide", "tags": ["Red Slide", "summer"]},
    "castle": {"caption": "Schloss Schönbrunn in Köln? Nein, Wien.", "labels": ["castle", "dog"]},
    "muller": {"caption": ["Josef Müller", "Café de Flore"], "filename": "müller.png"},
    "dogs": {"title": "Dogs", "caption": "Three dogs in a park"},
    "empty": {},
}


def open_index(directory: Path, *, read_only: bool = False) -> LexicalIndex:
    return LexicalIndex.open(directory, FIELDS, read_only=read_only)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LexicalIndex]:
    index = open_index(tmp_path_factory.mktemp("lexical"))
    index.add(RECORDS.items())
    index.commit(1)
    yield index
    index.close()


def ids(hits: list[LexicalHit]) -> list[str]:
    return [hit.id for hit in hits]


def found(index: LexicalIndex, text: str, **asked: list[str]) -> set[str]:
    phrases, excluded = asked.get("phrases", []), asked.get("excluded", [])
    return set(ids(index.search(text, limit=10, phrases=phrases, excluded=excluded)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beach", {"beach"}),
        ("BEACH kids", {"beach", "slide"}),
        ("a dog on the", {"beach", "castle", "dogs"}),
        ("runs", {"beach"}),
        ("muller", {"muller"}),
        ("mueller", {"muller"}),
        ("MÜLLER", {"muller"}),
        ("schonbrunn", {"castle"}),
        ("cafe", {"muller"}),
        ("Flore's", {"muller"}),
        ("IMG_1234.JPG", {"beach"}),
        ("img_1234.jpg,", {"beach"}),
        ("1234", set()),
        ("summer", {"slide"}),
        ("with a red slide today", {"slide"}),
        ("Müller.PNG", {"muller"}),
        ("nothing", set()),
        ("", set()),
        ("?!", set()),
    ],
)
def test_any_of_the_words_will_do(index: LexicalIndex, text: str, expected: set[str]) -> None:
    assert found(index, text) == expected


def test_a_heavier_field_wins(index: LexicalIndex) -> None:
    assert ids(index.search("dogs", limit=10)) == ["dogs", "beach", "castle"]


def test_the_written_form_comes_before_other_inflections(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.add([("one", {"caption": "a dog"}), ("many", {"caption": "the dogs"})])
    index.commit(1)

    assert ids(index.search("dog", limit=2)) == ["one", "many"]
    assert ids(index.search("dogs", limit=2)) == ["many", "one"]
    index.close()


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("dog is running", {"beach"}),
        ("running dog", set()),
        ("josef müller", {"muller"}),
        ("Josef Mueller", {"muller"}),
        ("müller café", set()),
        ("dogs", {"dogs"}),
        ("red slide", {"slide"}),
        ("img_1234.jpg", {"beach"}),
    ],
)
def test_a_phrase_stands_in_order_in_one_text(
    index: LexicalIndex, phrase: str, expected: set[str]
) -> None:
    assert found(index, "", phrases=[phrase]) == expected
    assert index.ids_containing(phrase) == expected


def test_phrases_are_required_and_words_then_only_rank(index: LexicalIndex) -> None:
    assert found(index, "kids dog", phrases=["brown dog"]) == {"beach"}
    assert found(index, "", phrases=["brown dog", "the beach"]) == {"beach"}
    assert found(index, "dog", phrases=["brown dog", "red slide"]) == set()


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        (["beach"], {"castle", "dogs"}),
        (["parks"], {"beach", "castle"}),
        (["brown dog"], {"castle", "dogs"}),
        (["dog brown"], {"beach", "castle", "dogs"}),
        (["beach", "castle", "park"], set()),
        (["..."], {"beach", "castle", "dogs"}),
    ],
)
def test_what_is_excluded_does_not_occur(
    index: LexicalIndex, excluded: list[str], expected: set[str]
) -> None:
    assert found(index, "dog", excluded=excluded) == expected


def test_what_a_search_excludes_can_be_asked_for(index: LexicalIndex) -> None:
    assert index.ids_containing("dog", inflected=True) == {"beach", "castle", "dogs"}
    assert index.ids_containing("dog") == {"beach", "castle"}
    assert index.ids_containing("!") == set()


def test_a_hit_tells_which_words_it_holds_and_where(index: LexicalIndex) -> None:
    hits = {hit.id: hit for hit in index.search("Dogs running on a Beach", limit=10)}

    assert hits["beach"].matched == {"caption": ("dogs", "running", "beach")}
    assert (hits["beach"].coverage, hits["beach"].is_exact) == (1.0, True)
    assert hits["dogs"].matched == {"title": ("dogs",), "caption": ("dogs",)}
    assert hits["dogs"].coverage == pytest.approx(1 / 3)
    assert not hits["dogs"].is_exact


def test_words_that_a_model_guessed_make_no_hit_exact(index: LexicalIndex) -> None:
    (hit,) = index.search("castle", limit=1)
    assert (hit.coverage, hit.is_exact) == (1.0, False)


def test_an_identifier_is_exact(index: LexicalIndex) -> None:
    (hit,) = index.search("img_1234.jpg", limit=1)
    assert hit.matched == {"filename": ("img", "1234")}
    assert hit.is_exact


def test_a_phrase_is_told_and_exact(index: LexicalIndex) -> None:
    (hit,) = index.search("", limit=1, phrases=["Brown Dog"])
    assert (hit.matched, hit.is_exact) == ({"caption": ("brown", "dog")}, True)


def test_the_last_word_may_be_completed(index: LexicalIndex) -> None:
    (hit,) = index.search("bea", limit=10, completes=True)

    assert (hit.id, hit.matched, hit.is_exact) == ("beach", {"caption": ("bea",)}, False)
    assert index.search("bea", limit=10) == []
    assert index.search("bea dog", limit=10, completes=True)[0].coverage == 0.5
    assert index.search("bea ", limit=10, completes=True) == []


def test_bad_questions_are_refused(index: LexicalIndex) -> None:
    with pytest.raises(InvalidInput):
        index.search("dog", limit=0)


@pytest.mark.parametrize("records", [{"a": {"unknown": "x"}}, {"": {}}, {"\x00a": {}}])
def test_bad_records_are_refused(
    index: LexicalIndex, records: dict[str, Mapping[str, Texts]]
) -> None:
    with pytest.raises(InvalidInput):
        index.add(records.items())


@pytest.mark.parametrize(
    "fields",
    [[], [Field("a"), Field("a")], [Field("a b")], [Field("ä")], [Field("a", weight=0)]],
    ids=["none", "twice", "space", "umlaut", "weightless"],
)
def test_bad_fields_are_refused(tmp_path: Path, fields: list[Field]) -> None:
    with pytest.raises(InvalidInput):
        LexicalIndex.open(tmp_path, fields)


WORDS = ("dog", "dogs", "park", "beach", "red", "müller", "mueller", "slide")
MANY = {
    f"{number:05}": {"caption": " ".join(WORDS[number * step % 8] for step in (1, 3, 5))}
    for number in range(6000)
}
NUMBERS = Numbers()


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LexicalIndex]:
    index = open_index(tmp_path_factory.mktemp("big"))
    index.add(MANY.items())
    index.commit(1)
    yield index
    index.close()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    text=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join),
    step=st.sampled_from([1, 2, 3, 50, 997]),
    limit=st.sampled_from([1, 10, 300]),
    as_selection=st.booleans(),
)
def test_a_filter_keeps_the_best_of_the_allowed(
    big: LexicalIndex, text: str, step: int, limit: int, as_selection: bool
) -> None:
    """Both ways of filtering, in the question and by longer answers, equal the plain way."""
    allowed = {id_ for id_ in MANY if int(id_) % step == 0}
    everything = big.search(text, limit=len(MANY))
    expected = [hit for hit in everything if hit.id in allowed][:limit]

    asked = allowed | {"gone"}
    hits = big.search(
        text, limit=limit, allowed=Selection.of(NUMBERS, asked) if as_selection else asked
    )

    assert len(hits) == len(expected)
    assert set(ids(hits)) <= allowed
    scores = [hit.score for hit in expected]
    # Scores are float32 sums whose order of additions tantivy chooses by question.
    assert [hit.score for hit in hits] == pytest.approx(scores, rel=1e-5)


def test_a_shorter_answer_is_the_head_of_a_longer_one(big: LexicalIndex) -> None:
    assert ids(big.search("dog", limit=7)) == ids(big.search("dog", limit=500))[:7]


def test_a_filter_against_the_words_still_finds_all(big: LexicalIndex) -> None:
    """Where none of the best is allowed, longer answers are asked for until there is one."""
    worst = big.search("red müller", limit=len(MANY))[-900:]
    allowed = Selection.of(NUMBERS, ids(worst))
    assert set(ids(big.search("red müller", limit=900, allowed=allowed))) == set(ids(worst))


def test_nothing_allowed_finds_nothing(big: LexicalIndex) -> None:
    assert big.search("dog", limit=5, allowed=set()) == []


def test_a_record_is_replaced_and_removed_as_a_whole(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.add([("a", {"title": "first"}), ("b", {"title": "first"})])
    index.commit(1)
    index.add([("a", {"title": "second"}), ("a", {"caption": "third"})])
    index.remove(["b", "unknown", ""])
    index.commit(2)

    assert (len(index), index.position) == (1, 2)
    assert (found(index, "first second"), found(index, "third")) == (set(), {"a"})


def test_changes_appear_at_commit_and_a_reader_follows(tmp_path: Path) -> None:
    reader = open_index(tmp_path, read_only=True)
    assert (len(reader), reader.position, reader.search("a", limit=1)) == (0, 0, [])
    writer = open_index(tmp_path)
    assert (len(reader), len(writer), writer.position) == (0, 0, 0)

    writer.add(RECORDS.items())
    assert (len(writer), len(reader)) == (0, 0)
    writer.commit(5)

    for index in (writer, reader):
        assert (len(index), index.position) == (len(RECORDS), 5)
        assert found(index, "beach") == {"beach"}
    writer.close()


def test_a_replay_changes_nothing(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    for position in (1, 2, 2):
        index.add(RECORDS.items())
        index.commit(position)

    assert (len(index), index.position) == (len(RECORDS), 2)
    assert len(index.search("dog", limit=10)) == 3
    index.close()


def test_what_was_not_committed_is_forgotten_at_close(tmp_path: Path) -> None:
    index = open_index(tmp_path)
    index.add([("a", {"title": "kept"})])
    index.commit(1)
    index.add([("b", {"title": "kept"})])
    index.close()
    index.close()

    again = open_index(tmp_path)

    assert (ids(again.search("kept", limit=5)), again.position) == (["a"], 1)
    again.close()


def test_only_one_may_write_and_readers_may_not(tmp_path: Path) -> None:
    writer = open_index(tmp_path)
    with pytest.raises(Conflict):
        open_index(tmp_path)
    with pytest.raises(Conflict):
        open_index(tmp_path, read_only=True).commit(1)
    writer.close()
    with pytest.raises(Conflict):
        writer.add([])


def test_weights_may_change_but_fields_may_not(tmp_path: Path) -> None:
    index = LexicalIndex.open(tmp_path, [Field("a", weight=1), Field("b", weight=2)])
    index.add([("in a", {"a": "word"}), ("in b", {"b": "word"})])
    index.commit(1)
    assert ids(index.search("word", limit=2)) == ["in b", "in a"]
    index.close()

    turned = LexicalIndex.open(tmp_path, [Field("a", weight=2), Field("b", weight=1)])
    assert ids(turned.search("word", limit=2)) == ["in a", "in b"]
    turned.close()

    with pytest.raises(Damaged, match="build the index again"):
        LexicalIndex.open(tmp_path, [Field("a"), Field("c")])


@pytest.mark.parametrize("file", ["meta.json", "*.store", "*.term", "*.idx"])
@pytest.mark.parametrize("read_only", [False, True])
def test_short_files_are_told_at_opening(tmp_path: Path, file: str, read_only: bool) -> None:
    index = open_index(tmp_path)
    index.add(RECORDS.items())
    index.commit(1)
    index.close()
    for path in tmp_path.glob(file):
        path.write_bytes(path.read_bytes()[:-5])

    with pytest.raises(Damaged, match="build the index again"):
        open_index(tmp_path, read_only=read_only)


CHILD = """
import sys
from pathlib import Path
from test_lexical import change, open_index

index = open_index(Path(sys.argv[1]))
for position in range(index.position + 1, 1_000_000):
    change(index, position)
    index.commit(position)
    print(position, flush=True)
"""


def change(index: LexicalIndex, position: int) -> None:
    """The changes of one position, such that the whole content follows from the position."""
    index.add((f"{entry % 31}", {"caption": f"word{entry}"}) for entry in span(position))
    index.remove([f"{position % 31}"])


def span(position: int) -> range:
    return range(position * 50, position * 50 + 50)


def content_at(last: int) -> dict[str, str]:
    content: dict[str, str] = {}
    for position in range(1, last + 1):
        content.update((f"{entry % 31}", f"word{entry}") for entry in span(position))
        content.pop(f"{position % 31}")
    return content


def test_killed_at_any_moment_it_reopens_with_what_was_committed(tmp_path: Path) -> None:
    for kill_after in (1, 4, 9, 2):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent,
            text=True,
        )
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(kill_after)]
        child.kill()
        child.wait(timeout=60)
        child.stdout.close()

        index = open_index(tmp_path)
        model = content_at(index.position)
        held = {id_: index.ids_containing(word) for id_, word in model.items()}
        count = len(index)
        index.close()

        assert index.position >= told[-1]
        assert count == len(model)
        assert held == {id_: {id_} for id_ in model}


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from museion.base.errors import Unavailable
from test_lexical import RECORDS, open_index

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
index = open_index(Path(sys.argv[1]))
index.add(RECORDS.items())
index.commit(1)
more = [(f"m{n}", {"caption": f"beach {n} " * 50}) for n in range(2000)]
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
try:
    index.add(more)
    index.commit(2)
except Unavailable as full:
    print(type(full).__name__, len(index), index.position, len(index.search("beach", limit=5)))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
index.add(more)
index.commit(2)
print(len(index), index.position)
index.close()
"""


def test_a_full_disk_leaves_the_last_commit_and_lets_a_replay_succeed(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        cwd=Path(__file__).parent,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert told.stdout.splitlines() == ["LexicalNotWritten 6 1 1", "2006 2"], told.stderr
