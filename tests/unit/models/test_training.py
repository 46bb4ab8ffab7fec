"""The training code, where the `train` extra is installed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra (PyTorch) is not installed here")

from museion.models.training.calibrate import (  # noqa: E402  # they need torch
    calibration_error,
    fit_curve,
    said_of_photos,
)
from museion.models.training.class_words import (  # noqa: E402
    CLASSES,
    load_class_words,
    membership,
)
from museion.models.training.efficientnet_lite import (  # noqa: E402
    LITE_SHAPES,
    EfficientNetLite,
    SamePadConv,
    fold_batch_norms,
)
from museion.models.training.fit import contrast  # noqa: E402
from museion.models.training.sentence_encoder import (  # noqa: E402
    SentenceEncoder,
    SentenceShape,
)


@pytest.mark.parametrize(("name", "parameters"), [("lite0", 4.65e6), ("lite2", 6.09e6)])
def test_trunks_have_the_published_size(name: str, parameters: float) -> None:
    trunk = EfficientNetLite(LITE_SHAPES[name])
    count = sum(parameter.numel() for parameter in trunk.parameters())
    assert count == pytest.approx(parameters, rel=0.01)


def test_folding_batch_norms_changes_no_output() -> None:
    torch.manual_seed(0)
    trunk = EfficientNetLite(LITE_SHAPES["lite0"])
    for part in trunk.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(std=0.1)
            part.running_var.uniform_(0.5, 1.5)
    trunk.eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = trunk(images)
        fold_batch_norms(trunk)
        torch.testing.assert_close(trunk(images), before, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("side", [7, 8, 65])
def test_same_padding_keeps_every_pixel(side: int) -> None:
    convolution = SamePadConv(1, 1, 3, stride=2, bias=False)
    assert convolution(torch.ones(1, 1, side, side)).shape[-1] == math.ceil(side / 2)


def test_a_sentence_state_is_a_mean_over_tokens() -> None:
    torch.manual_seed(0)
    shape = SentenceShape(width=16, layers=2, heads=4, inner=32, vocabulary=50, positions=20)
    state = SentenceEncoder(shape).eval()(torch.tensor([[1, 5, 9], [1, 9, 5]]))
    assert state.shape == (2, 16)
    assert not torch.allclose(state[0], state[1])  # places count, not only words


def test_contrast_is_lowest_for_own_pairs() -> None:
    rows = torch.eye(6)
    texts = rows.repeat_interleave(2, dim=0)
    sharp = torch.tensor(20.0)
    right = contrast(rows, texts, sharp, 2)
    wrong = contrast(rows.roll(1, dims=0), texts, sharp, 2)
    assert right < 0.01 < wrong


def test_captions_say_a_label_by_any_of_its_words() -> None:
    words = load_class_words()
    place = next(n for n, word in enumerate(words) if word.word == "dog")
    said = said_of_photos(words, [["Two dogs run"], ["A beagle sleeps"], ["A hotdog stand"]])
    assert said[:, place].tolist() == [True, True, False]


def test_broader_words_sum_their_classes() -> None:
    table = membership(load_class_words())
    assert table.shape[0] == CLASSES
    np.testing.assert_array_equal(table[:, :CLASSES], np.eye(CLASSES))
    assert (table[:, CLASSES:].sum(axis=0) >= 2).all()


def test_the_curve_recovers_a_known_miscalibration() -> None:
    generator = np.random.default_rng(5)
    shares = generator.uniform(0.01, 0.99, 20_000).astype(np.float32)
    odds = np.log(shares / (1 - shares))
    truth = generator.uniform(size=shares.size) < 1 / (1 + np.exp(-(0.5 * odds - 1)))
    slope, offset = fit_curve(shares, truth)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert offset == pytest.approx(-1.0, abs=0.05)
    scores = (1 / (1 + np.exp(-(slope * odds + offset)))).astype(np.float32)
    assert calibration_error(scores, truth) < 0.02


def test_a_pruned_vocabulary_keeps_order_and_specials(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the train extra (onnx) is not installed here")
    from museion.models.training.export import prune_vocabulary

    pieces = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "dog", "犬", "##s"]
    rules = {
        "model": {"vocab": {piece: n for n, piece in enumerate(pieces)}},
        "added_tokens": [{"id": 3, "content": "[CLS]"}],
        "post_processor": {"special_tokens": {"[CLS]": {"ids": [3]}}},
    }
    source, target = tmp_path / "full.json", tmp_path / "pruned.json"
    source.write_text(json.dumps(rules))
    assert prune_vocabulary(source, target, tokens_read=8) == [0, 2, 3, 4, 5, 7]
    pruned = json.loads(target.read_text(encoding="utf-8"))
    assert pruned["model"]["vocab"]["dog"] == 4
    assert pruned["added_tokens"][0]["id"] == 2
    assert pruned["post_processor"]["special_tokens"]["[CLS]"]["ids"] == [2]
