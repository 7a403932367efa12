"""CLIP's ResNets: the vectors, and what is refused."""

import json
import math

import numpy as np
import onnx
import pytest
from sightline_models.build import build_pack
from sightline_models.errors import CheckpointError
from tiny_checkpoints import CLIP_MEAN, CLIP_STD, END, clip_vocabulary, write_json
from tiny_resnet import write_resnet_checkpoint
from tower_runs import least_cosine, picture_vectors, seeded_pixels, text_vectors

CONFIGURATIONS = {
    "small": {"seed": 1},
    "deep, gelu": {
        "seed": 2,
        "blocks": (2, 1, 2, 1),
        "width": 16,
        "image_size": 96,
        "quick_gelu": False,
    },
    "wide, narrow heads, odd side": {
        "seed": 3,
        "blocks": (1, 2, 1, 2),
        "width": 20,
        "image_size": 72,
        "dim": 24,
        "head_width": 32,
    },
}
# The first four components of the vectors of two pictures and two texts, by open_clip 3.3.
GOLDEN = {
    "small": [
        [
            [-0.3179593, -0.2060595, -0.3489384, 0.1411892],
            [-0.3134819, -0.2087518, -0.3561255, 0.1404305],
        ],
        [
            [-0.0231823, -0.0683774, 0.4300033, -0.0490371],
            [0.0661502, -0.1305138, 0.1253767, -0.2637134],
        ],
    ],
    "deep, gelu": [
        [
            [0.3545440, -0.4391648, -0.4957045, -0.0909425],
            [0.3461133, -0.4404569, -0.5021377, -0.0934393],
        ],
        [
            [-0.4870356, -0.2468333, -0.6563665, 0.3658124],
            [-0.6133156, 0.0110122, -0.3475631, 0.3287292],
        ],
    ],
    "wide, narrow heads, odd side": [
        [
            [-0.1371622, -0.1658379, -0.1869858, -0.3153216],
            [-0.1443472, -0.1674817, -0.1822375, -0.3154637],
        ],
        [
            [0.1091480, 0.2918191, -0.3354317, -0.3074255],
            [0.1057153, 0.0840917, -0.3155360, -0.1786182],
        ],
    ],
}
every_configuration = pytest.mark.parametrize("name", CONFIGURATIONS)


def _build(folder, name="small", precision="fp32", **changes):
    """Build a configuration; return the checkpoint, the pack's folder and the pack."""
    source = write_resnet_checkpoint(folder / "checkpoint", **(CONFIGURATIONS[name] | changes))
    return source, *_build_again(source, folder / precision, precision)


def _build_again(source, target, precision="fp32"):
    target.mkdir()
    return target, build_pack(source, target, name="tiny", precision=precision)


def _ids():
    """Return three texts of 9 tokens and an end token."""
    end = clip_vocabulary()[END]
    words = np.random.default_rng(8).integers(0, end - 1, (3, 9))
    return np.pad(words, ((0, 0), (0, 1)), constant_values=end)


@every_configuration
def test_vectors_are_those_of_open_clip(tmp_path, name):
    _, folder, pack = _build(tmp_path, name)
    pictures = picture_vectors(folder, pack, seeded_pixels(pack.visual.side))
    texts = text_vectors(folder, pack, _ids())
    found = [pictures[:2, :4], texts[:2, :4]]
    np.testing.assert_allclose(found, GOLDEN[name], rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@every_configuration
def test_small_numbers_point_where_float32_does(tmp_path, name, precision):
    source, folder, pack = _build(tmp_path, name)
    small_folder, small = _build_again(source, tmp_path / precision, precision)
    pixels, ids = seeded_pixels(pack.visual.side), _ids()
    pictures = picture_vectors(small_folder, small, pixels)
    texts = text_vectors(small_folder, small, ids)
    assert (pictures.dtype, texts.dtype) == (np.float32, np.float32)
    assert least_cosine(pictures, picture_vectors(folder, pack, pixels)) > 0.999
    assert least_cosine(texts, text_vectors(folder, pack, ids)) > 0.999


def test_pictures_of_an_int8_pack_stay_float32(tmp_path):
    source, _, pack = _build(tmp_path)
    small_folder, small = _build_again(source, tmp_path / "int8", "int8")
    assert small.files["visual/model.onnx"] == pack.files["visual/model.onnx"]
    operators = {node.op_type for node in _nodes(small_folder / small.textual.file)}
    assert "DynamicQuantizeMatMul" in operators


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_pack_runs_the_same_without_optimisation(tmp_path, precision):
    _, folder, pack = _build(tmp_path, precision=precision)
    pixels = seeded_pixels(64)
    plain = picture_vectors(folder, pack, pixels, optimised=False)
    assert least_cosine(plain, picture_vectors(folder, pack, pixels)) > 0.9999


def test_pictures_of_a_batch_do_not_change_each_other(tmp_path):
    _, folder, pack = _build(tmp_path)
    pixels = seeded_pixels(64)
    together = picture_vectors(folder, pack, pixels)
    alone = np.concatenate([picture_vectors(folder, pack, pixels[[row]]) for row in range(3)])
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)


def test_batch_norms_are_part_of_the_convolutions(tmp_path):
    _, folder, pack = _build(tmp_path)
    operators = [node.op_type for node in _nodes(folder / pack.visual.file)]
    # Three of the stem, and in each of four blocks three and one for the way past them.
    assert operators.count("Conv") == 3 + 4 * 4
    assert "BatchNormalization" not in operators


def test_preparation_and_scale_are_the_checkpoint_s(tmp_path):
    source, _, pack = _build(tmp_path)
    assert (pack.visual.fit, pack.visual.resample, pack.visual.side) == ("crop", "bicubic", 64)
    assert (pack.visual.mean, pack.visual.std) == (CLIP_MEAN, CLIP_STD)
    assert pack.logit_scale == pytest.approx(100)
    assert pack.logit_bias is None
    config = json.loads((source / "open_clip_config.json").read_text("utf-8"))
    config["preprocess_cfg"] |= {"resize_mode": "squash", "interpolation": "bilinear"}
    write_json(source / "open_clip_config.json", config)
    _, pack = _build_again(source, tmp_path / "again")
    assert (pack.visual.fit, pack.visual.resample) == ("squash", "bilinear")


def test_a_missing_batch_norm_is_named(tmp_path):
    source, _, _ = _build(tmp_path)
    config = json.loads((source / "open_clip_config.json").read_text("utf-8"))
    config["model_cfg"]["vision_cfg"]["layers"] = [1, 2, 1, 1]
    write_json(source / "open_clip_config.json", config)
    with pytest.raises(CheckpointError, match=r"no tensor 'visual\.layer2\.1\.conv1\.weight'"):
        _build_again(source, tmp_path / "again")


@pytest.mark.parametrize("change", [{"layers": [1, 1, 1]}, {"image_size": 16}])
def test_a_shape_that_is_no_modified_resnet_is_refused(tmp_path, change):
    source, _, _ = _build(tmp_path)
    config = json.loads((source / "open_clip_config.json").read_text("utf-8"))
    config["model_cfg"]["vision_cfg"] |= change
    write_json(source / "open_clip_config.json", config)
    with pytest.raises(CheckpointError, match="four stages and pictures of at least 32 pixels"):
        _build_again(source, tmp_path / "again")


@pytest.mark.dev_reference
@every_configuration
def test_vectors_agree_with_open_clip(tmp_path, name):
    pictures, texts, reference = _beside_open_clip(tmp_path, name)
    np.testing.assert_allclose(pictures, reference[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(texts, reference[1], rtol=0, atol=1e-5)
    golden = [part[:2, :4] for part in reference]
    np.testing.assert_allclose(golden, GOLDEN[name], rtol=0, atol=1e-6)


def _beside_open_clip(folder, name):
    """Return ours and theirs: unit vectors of the same pictures and token ids."""
    torch = pytest.importorskip("torch")
    open_clip = pytest.importorskip("open_clip")
    source, folder, pack = _build(folder, name)
    model = open_clip.create_model(f"local-dir:{source}").eval()
    pixels, ids = seeded_pixels(pack.visual.side), _ids()
    padded = np.pad(ids, ((0, 0), (0, pack.textual.context - ids.shape[1])))
    normalised = ((pixels / 255 - CLIP_MEAN) / CLIP_STD).transpose(0, 3, 1, 2)
    with torch.no_grad():
        reference = [
            model.encode_image(torch.tensor(normalised, dtype=torch.float32), normalize=True),
            model.encode_text(torch.tensor(padded), normalize=True),
        ]
    assert math.log(pack.logit_scale) == pytest.approx(model.logit_scale.item())
    return (
        picture_vectors(folder, pack, pixels),
        text_vectors(folder, pack, ids),
        [part.numpy() for part in reference],
    )


def _nodes(file):
    return onnx.load(file, load_external_data=False).graph.node
