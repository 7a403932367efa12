"""Image models of transformers and timm, exported through PyTorch: the same vectors as theirs.

All of it needs the reference libraries: pytest -m dev_reference where they are installed.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from sightline_models.build import build_pack
from sightline_models.errors import CheckpointError
from sightline_models.image_preparation import timm_preparation, transformers_preparation
from sightline_models.pack import file_sha256, read_pack

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE = 32
TRANSFORMER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "patch_size": 8,
    "image_size": SIDE,
}
SWIN = {"patch_size": 4, "embed_dim": 16, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4}
# Class of transformers and its config's settings.
MODELS = {
    "resnet": ("ResNet", {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 2]}),
    "vit": ("ViT", TRANSFORMER),
    "deit": ("DeiT", TRANSFORMER),
    "dinov2": ("Dinov2", TRANSFORMER),
    "swin": ("Swin", {**SWIN, "image_size": SIDE}),
    "convnext": ("ConvNext", {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2}),
    "efficientnet": (
        "EfficientNet",
        {"width_coefficient": 0.25, "depth_coefficient": 0.3, "hidden_dim": 320},
    ),
}


def write_preprocessor(folder: Path, **changes: object) -> None:
    entries = {
        "do_resize": True,
        "size": {"height": SIDE, "width": SIDE},
        "resample": 2,
        "image_mean": list(MEAN),
        "image_std": list(STD),
        **changes,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(entries), "utf-8")


def spread(model) -> None:
    """Make weights large enough for the pictures to matter, and batch norms fit what they see."""
    import torch

    torch.manual_seed(0)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, parameter[0].numel() ** -0.5)
        for norm in norms:
            norm.weight.fill_(1)  # transformers starts EfficientNet's next to 0
            norm.momentum = 1.0
            norm.train()
        if norms:
            model(normalised(pictures(16, side=2 * SIDE)))
    model.eval()


def normalised(pixels: np.ndarray):
    import torch

    scaled = (pixels / 255 - np.array(MEAN)) / np.array(STD)
    return torch.from_numpy(scaled.astype(np.float32).transpose(0, 3, 1, 2))


def pictures(count: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), np.uint8)


def encoded(folder: Path, pixels: np.ndarray) -> np.ndarray:
    import onnxruntime

    file = folder / read_pack(folder).visual.file
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {"pixels": pixels})[0]


def unit(features) -> np.ndarray:
    vectors = features.detach().flatten(1).numpy()
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def destination(tmp_path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    return folder


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    write_preprocessor(folder)
    return folder


def save_vit(source: Path, kind: str = "ViTModel", **options: object):
    import transformers

    config = transformers.ViTConfig(**TRANSFORMER, num_labels=5)
    model = getattr(transformers, kind)(config, **options).eval()
    spread(model)
    model.save_pretrained(source)
    return model


@pytest.mark.dev_reference
@pytest.mark.parametrize("name", MODELS)
def test_a_transformers_model_keeps_its_pooled_vectors(name, source, destination) -> None:
    import torch
    import transformers

    kind, settings = MODELS[name]
    config = getattr(transformers, f"{kind}Config")(**settings)
    model = getattr(transformers, f"{kind}Model")(config).eval()
    spread(model)
    model.save_pretrained(source)
    pack = build_pack(source, destination, name="tiny")
    pixels = pictures(5)
    with torch.no_grad():
        expected = unit(model(normalised(pixels)).pooler_output)
    assert np.ptp(expected, axis=0).max() > 1e-2  # or any vectors would do
    assert np.abs(encoded(destination, pixels) - expected).max() <= 1e-5
    assert (pack.visual.dim, pack.visual.side) == (expected.shape[1], SIDE)
    assert (pack.textual, pack.architecture) == (None, name)


@pytest.mark.dev_reference
def test_a_captioner_gives_its_vision_tower(source, destination) -> None:
    import torch
    import transformers

    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 50}
    config = transformers.BlipConfig(vision_config=TRANSFORMER, text_config=text)
    model = transformers.BlipForConditionalGeneration(config).eval()
    spread(model)
    model.save_pretrained(source)
    build_pack(source, destination, name="tiny")
    pixels = pictures(3)
    with torch.no_grad():
        expected = unit(model.vision_model(normalised(pixels)).pooler_output)
    assert np.abs(encoded(destination, pixels) - expected).max() <= 1e-5


@pytest.mark.dev_reference
def test_a_classifier_without_a_trained_pooler_gives_its_class_token(source, destination) -> None:
    import torch

    model = save_vit(source, "ViTForImageClassification")
    build_pack(source, destination, name="tiny")
    pixels = pictures(3)
    with torch.no_grad():
        states = model.vit(normalised(pixels)).last_hidden_state
    assert np.abs(encoded(destination, pixels) - unit(states[:, 0])).max() <= 1e-5


@pytest.mark.dev_reference
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_a_timm_model_gives_what_its_classifier_is_fed_with(name, tmp_path, destination) -> None:
    import timm
    import torch
    from safetensors.torch import save_file

    source = tmp_path / "checkpoint"
    source.mkdir()
    size = {"img_size": 64} if name.startswith("vit") else {}
    model = timm.create_model(name, num_classes=7, **size).eval()
    spread(model)
    card = {"input_size": [3, 64, 64], "crop_pct": 0.875, "interpolation": "bicubic"}
    card |= {"mean": MEAN, "std": STD, "license": "apache-2.0"}
    config = {"architecture": name, "num_classes": 7, "model_args": size, "pretrained_cfg": card}
    (source / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(model.state_dict(), source / "model.safetensors")
    pack = build_pack(source, destination, name="tiny")
    pixels = pictures(3, side=73)  # floor(64 / 0.875), of which the middle 64 are seen
    with torch.no_grad():
        features = model.forward_features(normalised(pixels[:, 4:68, 4:68]))
        expected = unit(model.forward_head(features, pre_logits=True))
    assert np.abs(encoded(destination, pixels) - expected).max() <= 1e-5
    assert (pack.visual.side, pack.visual.fit, pack.licence) == (73, "crop", "apache-2.0")


@pytest.mark.dev_reference
def test_half_precision_stays_near(source, destination) -> None:
    import torch

    model = save_vit(source)
    build_pack(source, destination, name="tiny", precision="fp16")
    pixels = pictures(3)
    with torch.no_grad():
        expected = unit(model(normalised(pixels)).pooler_output)
    vectors = encoded(destination, pixels)
    assert vectors.dtype == np.float32
    assert (vectors * expected).sum(1).min() >= 0.999


@pytest.mark.dev_reference
def test_the_pack_hashes_all_of_its_files(source, destination) -> None:
    save_vit(source)
    build_pack(source, destination, name="tiny", revision="abc", licence="mit")
    pack = read_pack(destination)
    files = [path for path in destination.rglob("*") if path.is_file() and path.suffix != ".toml"]
    assert pack.files == {
        path.relative_to(destination).as_posix(): file_sha256(path) for path in files
    }
    assert (pack.revision, pack.licence, pack.precision) == ("abc", "mit", "fp32")


@pytest.mark.dev_reference
def test_int8_is_refused_by_name(source, destination) -> None:
    save_vit(source)
    with pytest.raises(CheckpointError, match="fp32 or fp16, not int8"):
        build_pack(source, destination, name="tiny", precision="int8")


@pytest.mark.dev_reference
def test_missing_weights_are_named(source, destination) -> None:
    from safetensors.torch import load_file, save_file

    save_vit(source)
    tensors = load_file(source / "model.safetensors")
    del tensors["embeddings.cls_token"]
    save_file(tensors, source / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"lacks 1 tensors .*'embeddings.cls_token'"):
        build_pack(source, destination, name="tiny")


@pytest.mark.dev_reference
def test_a_language_model_is_no_image_model(source, destination) -> None:
    import transformers

    settings = {"n_embd": 16, "n_layer": 1, "n_head": 2, "vocab_size": 50}
    transformers.GPT2Model(transformers.GPT2Config(**settings)).save_pretrained(source)
    with pytest.raises(CheckpointError, match="GPT2Model, which reads input_ids"):
        build_pack(source, destination, name="tiny")
    (source / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match="known are bert, "):
        build_pack(source, destination, name="tiny")


def test_a_crop_after_resizing_is_left_to_the_graph(tmp_path) -> None:
    crop = {"do_center_crop": True, "crop_size": {"height": 224, "width": 224}}
    write_preprocessor(tmp_path, size={"shortest_edge": 256}, resample=3, **crop)
    preparation = transformers_preparation(tmp_path)
    assert (preparation.side, preparation.crop) == (256, 224)
    assert (preparation.fit, preparation.resample) == ("crop", "bicubic")


@pytest.mark.parametrize(
    ("size", "expected"), [(224, (256, 224, "crop")), (384, (384, 384, "squash"))]
)
def test_the_share_that_convnext_crops_depends_on_its_size(size, expected, tmp_path) -> None:
    write_preprocessor(tmp_path, size={"shortest_edge": size}, crop_pct=0.875)
    preparation = transformers_preparation(tmp_path)
    assert (preparation.side, preparation.crop, preparation.fit) == expected


def test_pictures_that_are_not_rescaled_keep_their_values(tmp_path) -> None:
    write_preprocessor(tmp_path, do_rescale=False, do_normalize=False)
    preparation = transformers_preparation(tmp_path)
    assert (preparation.scale, preparation.mean, preparation.std) == (1.0, (0,) * 3, (1,) * 3)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"size": {"height": 32, "width": 48}}, "only square inputs"),
        ({"resample": 9}, "resizes with 9"),
        ({"image_mean": [0.5]}, "three channels"),
    ],
)
def test_a_preparation_that_is_not_known_is_refused(changes, reason, tmp_path) -> None:
    write_preprocessor(tmp_path, **changes)
    with pytest.raises(CheckpointError, match=reason):
        transformers_preparation(tmp_path)


@pytest.mark.parametrize(
    ("mode", "fit"), [("center", "crop"), ("squash", "squash"), ("border", "pad")]
)
def test_the_crop_modes_of_timm_are_ways_to_fit(mode, fit, tmp_path) -> None:
    card = {"input_size": [3, 288, 288], "crop_mode": mode, "crop_pct": 1.0}
    preparation = timm_preparation(tmp_path, {**card, "mean": list(MEAN), "std": list(STD)})
    assert (preparation.fit, preparation.side, preparation.crop) == (fit, 288, 288)


def test_timm_pictures_of_two_sides_are_refused(tmp_path) -> None:
    with pytest.raises(CheckpointError, match=r"input_size must be \[3, side, side\]"):
        timm_preparation(tmp_path, {"input_size": [3, 224, 448]})
