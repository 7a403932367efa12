"""CLIP of transformers and of open_clip: the vectors, the texts, and what is refused."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from clip_cases import CASES, LENGTHS, reference_vectors, token_ids, write_case
from onnx import numpy_helper
from sightline_models.build import build_pack
from sightline_models.errors import CheckpointError
from tiny_checkpoints import (
    END,
    clip_vocabulary,
    write_clip_checkpoint,
    write_clip_tokenizer,
    write_json,
    write_open_clip_checkpoint,
)
from tokenizers import Tokenizer
from tower_runs import least_cosine, picture_vectors, seeded_pixels, text_vectors

GOLDEN = json.loads((Path(__file__).parent / "golden" / "clip.json").read_text("utf-8"))
TEXTS = ("A red cat's 2 hats, the BEST!", "Ünïcödé 東京 кошка 🐱", "", "  much\n\tblank  ", "don't")
every_case = pytest.mark.parametrize("name", CASES)


def build(source, precision="fp32"):
    """Build a checkpoint beside itself; return the pack's folder and the pack."""
    folder = source.with_name(precision)
    folder.mkdir()
    return folder, build_pack(source, folder, name="tiny", precision=precision)


def vectors(folder, pack, case, *, optimised=True):
    """Return the vectors of all towers."""
    found = {}
    if pack.visual:
        pixels = seeded_pixels(case.side)
        found["visual"] = picture_vectors(folder, pack, pixels, optimised=optimised)
    if pack.textual:
        found["textual"] = text_vectors(folder, pack, token_ids(), optimised=optimised)
    return found


def edit(path, *keys, **entries):
    """Change entries of a JSON file, in the table that `keys` lead to."""
    document = json.loads(path.read_text("utf-8"))
    table = document
    for key in keys:
        table = table[key]
    table.update(entries)
    write_json(path, document)


@pytest.mark.parametrize("optimised", [True, False])
@every_case
def test_vectors_are_those_of_the_reference(tmp_path, name, optimised):
    case = CASES[name]
    folder, pack = build(write_case(tmp_path / "checkpoint", case))
    found = vectors(folder, pack, case, optimised=optimised)
    assert set(found) == set(GOLDEN[name])
    for tower, expected in GOLDEN[name].items():
        np.testing.assert_allclose(found[tower], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@every_case
def test_smaller_precisions_point_where_float32_does(tmp_path, name, precision):
    case = CASES[name]
    folder, pack = build(write_case(tmp_path / "checkpoint", case), precision)
    found = vectors(folder, pack, case)
    for tower, expected in GOLDEN[name].items():
        assert found[tower].dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(found[tower], axis=1), 1, rtol=1e-6)
        assert least_cosine(found[tower], expected) >= 0.999
        assert np.abs(found[tower] - expected).max() > 1e-5, "it is not of another precision"


@pytest.mark.dev_reference
@pytest.mark.filterwarnings("ignore")
@every_case
def test_vectors_are_those_of_the_library_that_is_installed(tmp_path, name):
    case = CASES[name]
    source = write_case(tmp_path / "checkpoint", case, seed=100)
    expected = reference_vectors(source, case)
    for precision in ("fp32", "fp16", "int8"):
        found = vectors(*build(source, precision), case)
        assert set(found) == set(expected)
        for tower in expected:
            assert least_cosine(found[tower], expected[tower]) >= 0.999
            if precision == "fp32":
                assert np.abs(found[tower] - expected[tower]).max() <= 1e-5


@pytest.mark.parametrize("eos_token_id", [None, 2])
@pytest.mark.parametrize("padding", [0, clip_vocabulary()[END]])
def test_padding_after_the_end_changes_nothing(tmp_path, eos_token_id, padding):
    source = write_clip_checkpoint(tmp_path / "checkpoint", eos_token_id=eos_token_id)
    folder, pack = build(source)
    ids = token_ids()
    padded = np.full((len(ids), 40), padding)
    for row, text, length in zip(padded, ids, LENGTHS, strict=True):
        row[:length] = text[:length]
    alone = [
        text_vectors(folder, pack, ids[[place], :length])[0] for place, length in enumerate(LENGTHS)
    ]
    np.testing.assert_allclose(text_vectors(folder, pack, padded), alone, rtol=0, atol=1e-6)


def test_a_text_as_long_as_the_context_is_encoded(tmp_path):
    folder, pack = build(write_clip_checkpoint(tmp_path / "checkpoint", context=12))
    assert pack.textual.context == 12
    assert text_vectors(folder, pack, token_ids()[-1:]).shape == (1, 16)


def test_the_order_of_words_matters(tmp_path):
    folder, pack = build(write_clip_checkpoint(tmp_path / "checkpoint"))
    ids = token_ids()[-1:]
    swapped = ids.copy()
    swapped[0, [1, 5]] = ids[0, [5, 1]]
    pair = text_vectors(folder, pack, np.concatenate([ids, swapped]))
    assert pair[0] @ pair[1] < 0.999


def test_a_batch_may_be_empty(tmp_path):
    folder, pack = build(write_clip_checkpoint(tmp_path / "checkpoint"))
    assert picture_vectors(folder, pack, seeded_pixels(32, 0)).shape == (0, 16)


def test_int8_weights_cannot_saturate_two_products_in_16_bits(tmp_path):
    folder, _ = build(write_clip_checkpoint(tmp_path / "checkpoint"), "int8")
    matrices = [
        numpy_helper.to_array(tensor).astype(int)
        for tower in ("visual", "textual")
        for tensor in onnx.load(folder / tower / "model.onnx").graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8
    ]
    assert len(matrices) == 1 + 2 * 2 * 6  # the patches, and six for each layer
    for matrix in matrices:
        assert np.abs(matrix).max() > 64, "half of the range lies idle"
        for part in (matrix, -matrix):
            pairs = np.maximum(part, 0).reshape(-1, 2, matrix.shape[1]).sum(axis=1)
            assert pairs.max() <= 128


def test_int8_is_about_a_quarter_of_float32(tmp_path):
    source = write_clip_checkpoint(tmp_path / "checkpoint", width=128, heads=4)
    sizes = {}
    for precision in ("fp32", "fp16", "int8"):
        folder, _ = build(source, precision)
        sizes[precision] = sum(path.stat().st_size for path in (folder / "visual").iterdir())
    assert sizes["fp16"] < 0.55 * sizes["fp32"]
    assert sizes["int8"] < 0.35 * sizes["fp32"]


def test_the_scale_of_the_logits_is_kept_as_a_factor(tmp_path):
    _, pack = build(write_clip_checkpoint(tmp_path / "checkpoint"))
    assert pack.logit_scale == pytest.approx(100, rel=1e-6)
    assert pack.logit_bias is None


def test_old_tokenizer_files_give_the_same_tokens(tmp_path):
    source = write_clip_checkpoint(tmp_path / "checkpoint")
    expected = Tokenizer.from_file(str(source / "tokenizer.json"))
    (source / "tokenizer.json").unlink()
    write_clip_tokenizer(source, old_files=True)
    folder, pack = build(source)
    found = Tokenizer.from_file(str(folder / pack.textual.tokenizer))
    assert [found.encode(text).ids for text in TEXTS] == [
        expected.encode(text).ids for text in TEXTS
    ]


def test_a_vocabulary_without_the_marks_is_refused(tmp_path):
    source = write_clip_checkpoint(tmp_path / "checkpoint")
    (source / "tokenizer.json").unlink()
    write_clip_tokenizer(source, old_files=True)
    write_json(source / "vocab.json", {"a": 0})
    with pytest.raises(CheckpointError, match=r"no <\|startoftext\|>"):
        build(source)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path):
    source = write_clip_checkpoint(tmp_path / "checkpoint")
    (source / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"no tokenizer\.json"):
        build(source)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"num_hidden_layers": 3}, r"no tensor 'vision_model\.encoder\.layers\.2\.layer_norm1"),
        ({"patch_size": 16}, r"patch_embedding\.weight'.*\(32, 3, 16, 16\).*\(32, 3, 8, 8\)"),
        ({"image_size": 64}, r"position_embedding\.weight'.*\(65, 32\).*\(17, 32\)"),
        ({"num_attention_heads": 5}, "width of 32 among 5 heads"),
        ({"hidden_act": "swish"}, "activation 'swish' is not known, only quick_gelu"),
    ],
)
def test_a_config_of_another_model_is_refused(tmp_path, entries, reason):
    source = write_clip_checkpoint(tmp_path / "checkpoint")
    edit(source / "config.json", "vision_config", **entries)
    with pytest.raises(CheckpointError, match=reason):
        build(source)


def test_several_end_marks_are_refused(tmp_path):
    source = write_clip_checkpoint(tmp_path / "checkpoint")
    edit(source / "config.json", "text_config", eos_token_id=[1, 2])
    with pytest.raises(CheckpointError, match=r"must be one id, not \[1, 2\]"):
        build(source)


@pytest.mark.parametrize(
    ("tower", "entries"),
    [
        ("vision_cfg", {"attentional_pool": True}),
        ("vision_cfg", {"timm_model_name": "vit_tiny"}),
        ("vision_cfg", {"pool_type": "avg"}),
        ("text_cfg", {"hf_model_name": "roberta-base"}),
        ("text_cfg", {"no_causal_mask": True}),
    ],
)
def test_an_open_clip_of_another_architecture_is_refused(tmp_path, tower, entries):
    source = write_open_clip_checkpoint(tmp_path / "checkpoint")
    edit(source / "open_clip_config.json", "model_cfg", tower, **entries)
    with pytest.raises(CheckpointError, match=f"{tower}.*{next(iter(entries))}.*sightline\\[torch"):
        build(source)


@pytest.mark.parametrize(
    ("keys", "entries"),
    [
        ((), {"embed_dim": None}),
        (("vision_cfg",), {"width": "wide"}),
        (("vision_cfg",), {"head_width": 0}),
        (("text_cfg",), {"width": -1}),
    ],
)
def test_an_open_clip_config_of_nonsense_is_refused(tmp_path, keys, entries):
    source = write_open_clip_checkpoint(tmp_path / "checkpoint")
    edit(source / "open_clip_config.json", "model_cfg", *keys, **entries)
    (name,) = entries
    with pytest.raises(CheckpointError, match=f"{name} in open_clip_config.json must be a number"):
        build(source)


def test_an_open_clip_config_without_a_model_is_refused(tmp_path):
    source = write_open_clip_checkpoint(tmp_path / "checkpoint")
    write_json(source / "open_clip_config.json", {"model_cfg": {"embed_dim": 16}})
    with pytest.raises(CheckpointError, match="no table vision_cfg"):
        build(source)


def test_an_open_clip_config_says_what_becomes_of_pictures(tmp_path):
    source = write_open_clip_checkpoint(tmp_path / "checkpoint")
    edit(
        source / "open_clip_config.json",
        "preprocess_cfg",
        mean=[0.5] * 3,
        std=[0.25] * 3,
        interpolation="bilinear",
        resize_mode="squash",
    )
    _, pack = build(source)
    tower = pack.visual
    assert (tower.fit, tower.resample) == ("squash", "bilinear")
    assert (tower.mean, tower.std) == ((0.5,) * 3, (0.25,) * 3)


def test_an_unknown_interpolation_of_open_clip_is_refused(tmp_path):
    source = write_open_clip_checkpoint(tmp_path / "checkpoint")
    edit(source / "open_clip_config.json", "preprocess_cfg", interpolation="hamming")
    with pytest.raises(CheckpointError, match="interpolation 'hamming'"):
        build(source)
