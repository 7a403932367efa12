"""From a checkpoint folder to a pack: what is chosen, what is written, what is refused."""

import json

import numpy as np
import pytest
from sightline_models.build import BUILDERS, build_pack
from sightline_models.errors import CheckpointError
from sightline_models.pack import PACK_FILE, file_sha256, read_pack
from tiny_checkpoints import (
    write_clip_checkpoint,
    write_json,
    write_open_clip_checkpoint,
    write_safetensors,
)
from tower_runs import picture_vectors, seeded_pixels


@pytest.fixture
def source(tmp_path):
    """A CLIP of transformers."""
    return write_clip_checkpoint(tmp_path / "checkpoint")


def build(source, name="pack", **options):
    """Build a checkpoint beside itself; return the pack's folder and the pack."""
    folder = source.with_name(name)
    folder.mkdir()
    return folder, build_pack(source, folder, **{"name": "tiny", **options})


def edit(path, **entries):
    """Change entries of a JSON file."""
    write_json(path, json.loads(path.read_text("utf-8")) | entries)


def test_a_pack_says_what_it_is_and_can_be_read_again(source):
    folder, pack = build(source, origin="org/tiny", revision="abc", licence="mit", precision="int8")
    assert read_pack(folder) == pack
    assert (pack.name, pack.precision, pack.architecture) == ("tiny", "int8", "clip")
    assert (pack.source, pack.revision, pack.licence) == ("org/tiny", "abc", "mit")
    assert (pack.visual.side, pack.visual.dim, pack.visual.pixels) == (32, 16, "uint8-nhwc")
    assert (pack.textual.context, pack.textual.dim, pack.textual.mask) == (77, 16, None)


def test_every_file_of_a_pack_is_hashed(source):
    folder, pack = build(source)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(pack.files) == files - {PACK_FILE}
    assert pack.files["visual/model.onnx.data"] == file_sha256(folder / "visual/model.onnx.data")


def test_the_same_checkpoint_gives_the_same_files(source):
    first, second = build(source, "first")[1], build(source, "second")[1]
    assert first.files == second.files
    assert first.fingerprint(first.visual) == second.fingerprint(second.visual)


def test_another_precision_has_another_fingerprint(source):
    packs = [build(source, precision, precision=precision)[1] for precision in ("fp32", "int8")]
    assert len({pack.fingerprint(pack.visual) for pack in packs}) == 2
    assert len({pack.fingerprint(pack.textual) for pack in packs}) == 2


def test_pictures_are_prepared_as_the_checkpoint_says(source):
    write_json(
        source / "preprocessor_config.json",
        {
            "size": {"height": 32, "width": 32},
            "resample": 2,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.25, 0.5, 1],
        },
    )
    tower = build(source)[1].visual
    assert (tower.fit, tower.resample) == ("squash", "bilinear")
    assert (tower.mean, tower.std) == ((0.5, 0.5, 0.5), (0.25, 0.5, 1))


def test_the_processor_of_newer_checkpoints_is_read_too(source):
    entries = json.loads((source / "preprocessor_config.json").read_text("utf-8"))
    (source / "preprocessor_config.json").unlink()
    write_json(source / "processor_config.json", {"image_processor": entries | {"resample": 1}})
    assert build(source)[1].visual.resample == "lanczos"


def test_pictures_are_prepared_as_openai_does_if_nothing_is_said(source):
    (source / "preprocessor_config.json").unlink()
    tower = build(source)[1].visual
    assert (tower.fit, tower.resample) == ("crop", "bicubic")
    assert tower.mean == (0.48145466, 0.4578275, 0.40821073)


def test_without_normalisation_pixels_are_only_brought_to_one(source):
    edit(source / "preprocessor_config.json", do_normalize=False)
    tower = build(source)[1].visual
    assert (tower.mean, tower.std) == ((0, 0, 0), (1, 1, 1))


def test_normalisation_is_inside_of_the_graph(source):
    folder, pack = build(source, "before")
    pixels = seeded_pixels(32)
    before = picture_vectors(folder, pack, pixels)
    edit(source / "preprocessor_config.json", image_mean=[0, 0, 0], image_std=[1, 1, 1])
    after = picture_vectors(*build(source, "after"), pixels)
    assert (before * after).sum(axis=1).max() < 0.999


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"resample": 9}, "resample must be one of .* not 9"),
        ({"image_mean": [0.5]}, r"three numbers, not \[0\.5\]"),
        ({"image_std": 3}, "three numbers, not 3"),
    ],
)
def test_a_preparation_that_is_not_known_is_refused(source, entries, reason):
    edit(source / "preprocessor_config.json", **entries)
    with pytest.raises(CheckpointError, match=reason):
        build(source)


def test_a_checkpoint_of_open_clip_is_known_by_its_config(tmp_path):
    _, pack = build(write_open_clip_checkpoint(tmp_path / "checkpoint"))
    assert pack.architecture == "open_clip"
    assert pack.is_joint


def test_a_folder_of_both_libraries_is_read_as_that_of_transformers(source):
    write_json(source / "open_clip_config.json", {"model_cfg": {}})
    assert build(source)[1].architecture == "clip"


@pytest.mark.parametrize(
    "config", [{"model_type": "clip"}, {"architecture": "vit_base_patch32_clip_224"}]
)
def test_open_clip_is_taken_if_the_other_config_has_no_weights_of_its_own(tmp_path, config):
    source = write_open_clip_checkpoint(tmp_path / "checkpoint")
    write_json(source / "config.json", config)
    assert build(source)[1].architecture == "open_clip"


def test_weights_of_timm_beside_those_of_open_clip_are_left_alone(tmp_path):
    source = write_open_clip_checkpoint(tmp_path / "checkpoint")
    write_json(source / "config.json", {"architecture": "vit_base_patch32_clip_224"})
    write_safetensors(source / "model.safetensors", {"blocks.0": np.zeros(3)})
    assert build(source)[1].architecture == "open_clip"


def test_a_folder_without_a_config_is_refused(tmp_path):
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(CheckpointError, match=r"has no config\.json"):
        build(tmp_path / "checkpoint")


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="nothing is not a folder"):
        build(tmp_path / "nothing")


def test_an_unknown_architecture_is_told_what_is_known_and_of_torch(source):
    write_json(source / "config.json", {"model_type": "whisper"})
    with pytest.raises(
        CheckpointError, match=r"checkpoint of 'whisper'.*sightline\[torch\]"
    ) as found:
        build(source)
    assert all(known in str(found.value) for known in BUILDERS)


def test_a_pickle_beside_a_known_config_is_refused(source):
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin, a pickle"):
        build(source)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"vision_config": None}, "vision_config .* must be an object, not None"),
        ({"text_config": {"vocab_size": "many"}}, "vocab_size .* whole number above 0, not 'many'"),
        ({"projection_dim": 0}, "projection_dim .* whole number above 0, not 0"),
    ],
)
def test_a_config_of_nonsense_is_refused(source, entries, reason):
    edit(source / "config.json", **entries)
    with pytest.raises(CheckpointError, match=reason):
        build(source)
