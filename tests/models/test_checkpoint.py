"""Checkpoint folders: tensors in any type and any number of files, and damage that is named."""

import json

import numpy as np
import pytest
from sightline_models.checkpoint import Checkpoint, Parameters, linear, norm
from sightline_models.errors import CheckpointError
from tiny_checkpoints import write_json, write_safetensors

TENSORS = {
    "layer.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
    "layer.bias": np.float32([1, -1]),
    "scale": np.float32(4.5),
}


@pytest.fixture
def folder(tmp_path):
    """A checkpoint of three tensors."""
    write_json(tmp_path / "config.json", {"model_type": "tiny"})
    write_safetensors(tmp_path / "model.safetensors", TENSORS)
    return tmp_path


def damaged(folder, content):
    """Replace the weights by other bytes."""
    (folder / "model.safetensors").write_bytes(content)
    return folder


def with_header(folder, header):
    """Replace the weights by a header and eight bytes of numbers."""
    text = json.dumps(header).encode()
    return damaged(folder, len(text).to_bytes(8, "little") + text + bytes(8))


def split(folder, **files):
    """Replace the weights by parts and their index."""
    (folder / "model.safetensors").unlink()
    for file, names in files.items():
        tensors = {name: TENSORS[name] for name in names}
        write_safetensors(folder / f"{file}.safetensors", tensors)
    places = {name: f"{file}.safetensors" for file, names in files.items() for name in names}
    write_json(folder / "model.safetensors.index.json", {"weight_map": places})


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_a_tensor_is_float32_whatever_it_is_stored_as(folder, dtype):
    write_safetensors(folder / "model.safetensors", TENSORS, dtype)
    checkpoint = Checkpoint(folder)
    for name, expected in TENSORS.items():
        found = checkpoint.take(name, expected.shape)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)


def test_a_tensor_that_was_taken_may_be_changed(folder):
    checkpoint = Checkpoint(folder)
    checkpoint.take("layer.bias", (2,))[:] = 0
    assert checkpoint.take("layer.bias", (2,)).tolist() == [1, -1]


def test_a_checkpoint_knows_its_config_and_names(folder):
    checkpoint = Checkpoint(folder)
    assert checkpoint.config == {"model_type": "tiny"}
    assert set(checkpoint.names) == set(TENSORS)
    assert "scale" in checkpoint
    assert "bias" not in checkpoint
    assert checkpoint.shape("layer.weight") == (2, 3)


def test_a_scalar_may_be_missing_or_a_row_of_one(folder):
    write_safetensors(folder / "model.safetensors", {"a": np.float32(2), "b": np.float32([3])})
    checkpoint = Checkpoint(folder)
    assert [checkpoint.scalar(name) for name in "abc"] == [2, 3, None]


def test_dense_layers_and_norms_are_taken_as_one(folder):
    parameters: Parameters = Checkpoint(folder)
    weight, bias = linear(parameters, "layer", 2, 3)
    assert (weight.shape, bias.shape) == ((2, 3), (2,))
    assert linear(parameters, "layer", 2, 3, bias=False).bias is None
    with pytest.raises(CheckpointError, match=r"'layer\.weight'.*\(2,\).*but has \(2, 3\)"):
        norm(parameters, "layer", 2)


def test_a_checkpoint_may_lie_in_several_files(folder):
    split(folder, one=["layer.weight"], two=["layer.bias", "scale"])
    checkpoint = Checkpoint(folder)
    assert set(checkpoint.names) == set(TENSORS)
    assert checkpoint.take("layer.bias", (2,)).tolist() == [1, -1]


def test_a_missing_part_is_named(folder):
    split(folder, one=["layer.weight"], two=["layer.bias", "scale"])
    (folder / "two.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"lacks two\.safetensors"):
        Checkpoint(folder)


def test_an_index_cannot_lead_out_of_the_folder(folder):
    split(folder, one=["layer.weight"])
    outside = folder.parent / "outside.safetensors"
    write_safetensors(outside, TENSORS)
    write_json(
        folder / "model.safetensors.index.json", {"weight_map": {"scale": f"../{outside.name}"}}
    )
    with pytest.raises(CheckpointError, match=r"lacks outside\.safetensors"):
        Checkpoint(folder)


def test_an_index_without_a_map_is_refused(folder):
    split(folder, one=["layer.weight"])
    write_json(folder / "model.safetensors.index.json", {"metadata": {}})
    with pytest.raises(CheckpointError, match="no weight_map"):
        Checkpoint(folder)


def test_the_only_safetensors_may_have_any_name(folder):
    (folder / "model.safetensors").rename(folder / "weights.safetensors")
    assert "scale" in Checkpoint(folder)


def test_several_safetensors_without_an_index_are_refused(folder):
    for name in ("a", "b"):
        write_safetensors(folder / f"{name}.safetensors", TENSORS)
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"a\.safetensors, b\.safetensors.*rename"):
        Checkpoint(folder)


def test_open_clip_reads_its_own_weights_first(folder):
    write_json(folder / "open_clip_config.json", {"model_cfg": {}})
    write_safetensors(folder / "open_clip_model.safetensors", {"theirs": np.float32(1)})
    assert Checkpoint(folder, "open_clip_config.json").names == ("theirs",)
    assert set(Checkpoint(folder).names) == set(TENSORS)


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", "ViT-B-32.pt", "last.ckpt"])
def test_a_pickle_is_refused_and_the_way_to_safetensors_told(folder, pickle):
    (folder / "model.safetensors").rename(folder / pickle)
    with pytest.raises(
        CheckpointError, match=rf"{pickle}, a pickle.*safetensors\.torch\.save_file"
    ):
        Checkpoint(folder)


def test_a_folder_without_weights_is_refused(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no weights: model\.safetensors is missing"):
        Checkpoint(folder)


def test_a_folder_without_a_config_is_refused(folder):
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no config\.json: name the folder"):
        Checkpoint(folder)


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "cannot be read as JSON"), ("[]", "holds a list, not an object")]
)
def test_a_damaged_config_is_refused(folder, text, reason):
    (folder / "config.json").write_text(text, "utf-8")
    with pytest.raises(CheckpointError, match=reason):
        Checkpoint(folder)


def test_a_missing_tensor_is_named(folder):
    with pytest.raises(CheckpointError, match=r"no tensor 'other'.*it has 3, such as layer\.bias"):
        Checkpoint(folder).take("other", (2,))


def test_a_tensor_of_another_shape_is_named_with_both(folder):
    with pytest.raises(CheckpointError, match=r"'layer\.weight'.*\(3, 2\).*but has \(2, 3\)"):
        Checkpoint(folder).take("layer.weight", (3, 2))


def test_an_unknown_length_fits_any(folder):
    checkpoint = Checkpoint(folder)
    assert checkpoint.take("layer.weight", (-1, 3)).shape == (2, 3)
    with pytest.raises(CheckpointError):
        checkpoint.take("layer.weight", (-1,))


@pytest.mark.parametrize(
    "content",
    [b"", b"abc", bytes(8), b"\xff" * 100, (20).to_bytes(8, "little") + b"{"],
    ids=["empty", "short", "zeros", "huge header", "cut header"],
)
def test_bytes_that_are_no_safetensors_are_refused(folder, content):
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged.*download it again"):
        Checkpoint(damaged(folder, content))


@pytest.mark.parametrize("missing", [1, 20, 30])
def test_a_file_that_was_cut_off_is_refused(folder, missing):
    content = (folder / "model.safetensors").read_bytes()
    with pytest.raises(CheckpointError, match="is damaged"):
        Checkpoint(damaged(folder, content[:-missing]))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}, "the bytes 4 to 12 of 8"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}, "the bytes -8 to 0"),
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}, r"shape \(3,\)"),
        ({"dtype": "F32", "shape": [-1, -2], "data_offsets": [0, 8]}, r"shape \(-1, -2\)"),
        ({"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}, "F8_E4M3"),
        ({"dtype": "F32", "shape": [2]}, "data_offsets"),
        ([], "list"),
    ],
)
def test_a_header_that_lies_is_refused(folder, entry, reason):
    with pytest.raises(CheckpointError, match=reason):
        Checkpoint(with_header(folder, {"a": entry}))
