"""SigLIP and SigLIP 2: the vectors, the texts, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from sightline_models.build import build_pack
from sightline_models.errors import CheckpointError
from tiny_checkpoints import write_json
from tiny_siglip import gemma_vocabulary, t5_vocabulary, write_siglip_checkpoint
from tokenizers import Tokenizer
from tower_runs import least_cosine, picture_vectors, seeded_pixels, text_vectors

CONTEXT = 16
CONFIGURATIONS = {
    "siglip": {"seed": 1},
    "siglip, gelu, odd side": {"seed": 2, "image_size": 36, "layers": 3, "activation": "gelu"},
    "siglip2": {"seed": 3, "gemma": True, "image_size": 48, "patch": 16, "width": 48, "heads": 3},
    "siglip2 naflex": {"seed": 4, "gemma": True, "naflex": True},
    "siglip2 naflex, 5 x 5": {
        "seed": 5,
        "gemma": True,
        "naflex": True,
        "patch": 4,
        "image_size": 20,
        "width": 64,
        "heads": 4,
        "text_heads": 8,
    },
}
# The first four components of the vectors of two pictures and two texts, by transformers 5.23.
GOLDEN = {
    "siglip": [
        [
            [-0.1549612, -0.0442154, 0.1853236, 0.0011206],
            [-0.1304145, -0.0180317, 0.2566303, 0.0144995],
        ],
        [
            [0.0179759, 0.1699480, 0.0310145, 0.0722557],
            [0.1896200, 0.0073094, 0.4351202, -0.0036978],
        ],
    ],
    "siglip, gelu, odd side": [
        [
            [0.1479824, 0.0683541, -0.1573881, -0.0797966],
            [0.1691322, -0.0030265, -0.0986579, 0.0530906],
        ],
        [
            [0.0342035, -0.1618286, -0.1491454, -0.1608233],
            [-0.0349774, 0.0704602, 0.1323006, 0.2626821],
        ],
    ],
    "siglip2": [
        [
            [0.2046356, -0.1758262, 0.2320175, -0.0883431],
            [0.2245645, -0.2484171, 0.3363791, -0.0024666],
        ],
        [
            [-0.1160055, 0.0051580, -0.0801513, 0.1435391],
            [-0.2993099, 0.1085951, 0.1332599, 0.1986708],
        ],
    ],
    "siglip2 naflex": [
        [
            [0.1496303, -0.0336809, -0.1084959, -0.0886495],
            [0.1415828, 0.1479097, -0.1977675, -0.0629495],
        ],
        [
            [0.1257423, 0.0777428, -0.0958659, -0.3220645],
            [0.0167347, 0.0211713, 0.1921725, -0.1541537],
        ],
    ],
    "siglip2 naflex, 5 x 5": [
        [
            [0.2014912, -0.0021637, 0.0499735, -0.1634922],
            [0.1107530, 0.0513150, 0.0592392, -0.1583425],
        ],
        [
            [-0.0559397, 0.0762974, -0.0157519, 0.1069812],
            [-0.0183194, -0.0438612, -0.0762816, 0.1846520],
        ],
    ],
}
every_configuration = pytest.mark.parametrize("name", CONFIGURATIONS)


def _build(folder, name="siglip", precision="fp32", **changes):
    """Build a configuration; return the checkpoint, the pack's folder and the pack."""
    source = write_siglip_checkpoint(folder / "checkpoint", **(CONFIGURATIONS[name] | changes))
    return source, *_build_again(source, folder / precision, precision)


def _build_again(source, target, precision="fp32"):
    target.mkdir()
    return target, build_pack(source, target, name="tiny", precision=precision)


def _ids(name, count=3):
    vocabulary = gemma_vocabulary() if "siglip2" in name else t5_vocabulary()
    return np.random.default_rng(8).integers(0, len(vocabulary), (count, CONTEXT))


def _edit(path: Path, **entries):
    write_json(path, json.loads(path.read_text("utf-8")) | entries)


@every_configuration
def test_vectors_are_those_of_transformers(tmp_path, name):
    _, folder, pack = _build(tmp_path, name)
    pictures = picture_vectors(folder, pack, seeded_pixels(pack.visual.side))
    texts = text_vectors(folder, pack, _ids(name))
    found = [pictures[:2, :4], texts[:2, :4]]
    np.testing.assert_allclose(found, GOLDEN[name], rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@every_configuration
def test_small_numbers_point_where_float32_does(tmp_path, name, precision):
    source, folder, pack = _build(tmp_path, name)
    small_folder, small = _build_again(source, tmp_path / precision, precision)
    pixels, ids = seeded_pixels(pack.visual.side), _ids(name)
    exact = picture_vectors(folder, pack, pixels), text_vectors(folder, pack, ids)
    found = picture_vectors(small_folder, small, pixels), text_vectors(small_folder, small, ids)
    assert {part.dtype for part in found} == {np.dtype(np.float32)}
    assert min(map(least_cosine, found, exact)) > 0.999
    assert max(np.abs(one - other).max() for one, other in zip(found, exact, strict=True)) > 1e-5


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_pack_runs_the_same_without_optimisation(tmp_path, precision):
    _, folder, pack = _build(tmp_path, precision=precision)
    pixels, ids = seeded_pixels(32), _ids("siglip")
    for run, values in ((picture_vectors, pixels), (text_vectors, ids)):
        plain = run(folder, pack, values, optimised=False)
        assert least_cosine(plain, run(folder, pack, values)) > 0.9999


def test_pictures_of_a_batch_do_not_change_each_other(tmp_path):
    _, folder, pack = _build(tmp_path)
    pixels = seeded_pixels(32)
    together = picture_vectors(folder, pack, pixels)
    alone = np.concatenate([picture_vectors(folder, pack, pixels[[row]]) for row in range(3)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)


def test_scale_and_bias_of_the_sigmoid_are_kept(tmp_path):
    _, _, pack = _build(tmp_path)
    assert pack.logit_scale == pytest.approx(100)
    assert pack.logit_bias == -12.5
    assert pack.is_joint


def test_pictures_are_squashed_with_the_checkpoint_s_own_interpolation(tmp_path):
    source, _, pack = _build(tmp_path)
    assert (pack.visual.fit, pack.visual.resample, pack.visual.side) == ("squash", "bicubic", 32)
    _edit(source / "preprocessor_config.json", resample=2, image_mean=[0.4, 0.5, 0.6])
    _, pack = _build_again(source, tmp_path / "again")
    assert (pack.visual.fit, pack.visual.resample) == ("squash", "bilinear")
    assert pack.visual.mean == (0.4, 0.5, 0.6)


def test_naflex_reads_the_square_that_its_positions_are_of(tmp_path):
    _, _, pack = _build(tmp_path, "siglip2 naflex, 5 x 5")
    assert (pack.visual.side, pack.visual.fit, pack.visual.resample) == (20, "squash", "bilinear")


@pytest.mark.parametrize("place", [0, CONTEXT - 1])
def test_every_token_counts_up_to_the_last_padding(tmp_path, place):
    _, folder, pack = _build(tmp_path)
    ids = np.tile(_ids("siglip", count=1), (2, 1))
    ids[1, place] += 1
    one, other = text_vectors(folder, pack, ids)
    assert np.abs(one - other).max() > 1e-3


def test_texts_that_are_not_padded_to_the_context_are_refused_by_the_graph(tmp_path):
    _, folder, pack = _build(tmp_path)
    assert pack.textual.pad_to_context
    assert pack.textual.context == CONTEXT
    with pytest.raises(InvalidArgument, match="Expected: 16"):
        text_vectors(folder, pack, _ids("siglip")[:, :5])


def test_siglip_reads_canonical_texts_that_its_end_token_pads(tmp_path):
    _, folder, pack = _build(tmp_path)
    tower = pack.textual
    assert (tower.lowercase, tower.strip_punctuation, tower.pad_id) == (True, True, 1)
    tokenizer = Tokenizer.from_file(str(folder / tower.tokenizer))
    words = t5_vocabulary()
    assert tokenizer.encode("red cat").ids == [words["▁red"], words["▁cat"], words["</s>"]]
    assert tokenizer.encode("").ids == [words["</s>"]]


def test_siglip2_reads_lower_case_and_gets_the_end_token_its_tokenizer_lacks(tmp_path):
    source, folder, pack = _build(tmp_path, "siglip2")
    tower = pack.textual
    assert (tower.lowercase, tower.strip_punctuation, tower.pad_id) == (True, False, 0)
    published = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(folder / tower.tokenizer))
    end = gemma_vocabulary()["<eos>"]
    assert tokenizer.encode("red cat!").ids == [*published.encode("red cat!").ids, end]
    assert tokenizer.encode("").ids == [end]


def test_a_tokenizer_that_cuts_and_pads_by_itself_is_freed_of_that(tmp_path):
    source, _, _ = _build(tmp_path)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=7)
    tokenizer.save(str(source / "tokenizer.json"))
    folder, pack = _build_again(source, tmp_path / "again")
    kept = Tokenizer.from_file(str(folder / pack.textual.tokenizer))
    assert len(kept.encode("a a a a a a a a a").ids) == 10
    assert len(kept.encode("a").ids) == 2


def test_what_a_config_leaves_out_is_that_of_the_base_model(tmp_path):
    source, _, _ = _build(tmp_path)
    _edit(source / "config.json", vision_config={"image_size": 32, "patch_size": 8})
    with pytest.raises(CheckpointError, match=r"patch_embedding.*\(768, 3, 8, 8\).*\(32, 3, 8, 8"):
        _build_again(source, tmp_path / "again")


def test_a_checkpoint_without_pooling_head_is_refused(tmp_path):
    source, _, _ = _build(tmp_path)
    vision = json.loads((source / "config.json").read_text("utf-8"))["vision_config"]
    _edit(source / "config.json", vision_config=vision | {"vision_use_head": False})
    with pytest.raises(CheckpointError, match="vision_use_head is false"):
        _build_again(source, tmp_path / "again")


def test_positions_that_are_no_square_are_refused(tmp_path):
    source, _, _ = _build(tmp_path, "siglip2 naflex")
    vision = json.loads((source / "config.json").read_text("utf-8"))["vision_config"]
    _edit(source / "config.json", vision_config=vision | {"num_patches": 12})
    with pytest.raises(CheckpointError, match="12 places, which are no square"):
        _build_again(source, tmp_path / "again")


@pytest.mark.parametrize("size", [0, "224", [32, 48], 32.5])
def test_a_size_that_is_no_whole_number_is_refused(tmp_path, size):
    source, _, _ = _build(tmp_path)
    vision = json.loads((source / "config.json").read_text("utf-8"))["vision_config"]
    _edit(source / "config.json", vision_config=vision | {"image_size": size})
    with pytest.raises(CheckpointError, match=r"image_size of config\.json must be a whole number"):
        _build_again(source, tmp_path / "again")


def test_a_tokenizer_without_the_end_token_is_refused(tmp_path):
    source, _, _ = _build(tmp_path)
    _edit(source / "tokenizer_config.json", eos_token="<end>")
    with pytest.raises(CheckpointError, match="has no token '<end>'"):
        _build_again(source, tmp_path / "again")


@pytest.mark.dev_reference
@every_configuration
def test_vectors_agree_with_transformers(tmp_path, name):
    pictures, texts, reference = _beside_transformers(tmp_path, name)
    np.testing.assert_allclose(pictures, reference[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(texts, reference[1], rtol=0, atol=1e-5)
    golden = [part[:2, :4] for part in reference]
    np.testing.assert_allclose(golden, GOLDEN[name], rtol=0, atol=1e-6)


@pytest.mark.dev_reference
def test_tokens_are_those_of_siglip2_in_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    source, folder, pack = _build(tmp_path, "siglip2 naflex")
    # Published tokenizers that do hold the end token are what the pack's has become.
    (source / "tokenizer.json").write_bytes((folder / pack.textual.tokenizer).read_bytes())
    reference = transformers.AutoTokenizer.from_pretrained(source)
    tokenizer = Tokenizer.from_file(str(folder / pack.textual.tokenizer))
    tokenizer.enable_truncation(CONTEXT)
    tokenizer.enable_padding(pad_id=pack.textual.pad_id, length=CONTEXT)
    texts = ["A red Cat!", "", "ÉДЖ 猫🐈", "cat " * 20, "  two  blanks ", "<eos> in words"]
    expected = reference(texts, padding="max_length", max_length=CONTEXT, truncation=True)
    found = [tokenizer.encode(text.lower()).ids for text in texts]
    assert found == expected["input_ids"]


def _beside_transformers(folder, name):
    """Return ours and theirs: unit vectors of the same pictures and token ids."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    source, folder, pack = _build(folder, name)
    model = transformers.AutoModel.from_pretrained(source).eval()
    pixels, ids = seeded_pixels(pack.visual.side), _ids(name)
    if "naflex" in name:
        prepare = transformers.AutoImageProcessor.from_pretrained(source)
        prepared = dict(prepare(images=list(pixels), return_tensors="pt"))
    else:
        values = (pixels.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5
        prepared = {"pixel_values": torch.tensor(values, dtype=torch.float32)}
    with torch.no_grad():
        raw = (
            model.get_image_features(**prepared).pooler_output.numpy(),
            model.get_text_features(input_ids=torch.tensor(ids)).pooler_output.numpy(),
        )
    assert pack.logit_scale == pytest.approx(model.logit_scale.exp().item())
    assert pack.logit_bias == pytest.approx(model.logit_bias.item())
    reference = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in raw]
    return picture_vectors(folder, pack, pixels), text_vectors(folder, pack, ids), reference
