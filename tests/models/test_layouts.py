import json
import os

import numpy as np
import onnx
import pytest
import tiny_layouts as tiny
from onnx import TensorProto, helper, numpy_helper
from sightline_models.errors import PackError
from sightline_models.layouts import read_layout
from sightline_models.listing import checkpoint_files, find_layouts, find_pickle
from sightline_models.pack import TextualTower, VisualTower, file_sha256


def change(path, **settings):
    tiny.write_json(path, {**json.loads(path.read_text("utf-8")), **settings})


_ADDED = {
    "single_word": False,
    "lstrip": False,
    "rstrip": False,
    "normalized": False,
    "special": True,
}


def test_an_immich_folder_is_described_as_it_is(tmp_path):
    folder = tiny.write_immich(tmp_path / "clip")
    pack = read_layout(folder, name="ViT-Tiny__random")
    assert pack.visual == VisualTower(
        "visual/model.onnx",
        side=8,
        dim=4,
        input="image",
        output="embedding",
        pixels="float-nchw",
        fit="crop",
        resample="bicubic",
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )
    assert pack.textual == TextualTower(
        "textual/model.onnx",
        "textual/tokenizer.json",
        context=5,
        dim=4,
        input="text",
        output="embedding",
        ids_dtype="int32",
        pad_id=4,
        pad_to_context=True,
    )
    assert (pack.name, pack.precision, pack.is_joint) == ("ViT-Tiny__random", "fp32", True)


def test_every_file_that_is_read_is_hashed_and_none_of_other_runtimes(tmp_path):
    folder = tiny.write_immich(tmp_path / "clip")
    pack = read_layout(folder, name="x")
    assert set(pack.files) == {
        "config.json",
        "visual/model.onnx",
        "visual/preprocess_cfg.json",
        "textual/model.onnx",
        "textual/tokenizer.json",
        "textual/tokenizer_config.json",
    }
    assert all(sha256 == file_sha256(folder / file) for file, sha256 in pack.files.items())


def test_a_siglip_of_immich_squashes_pictures_and_cleans_texts(tmp_path):
    pack = read_layout(tiny.write_immich(tmp_path / "siglip", siglip=True), name="x")
    assert pack.visual.fit == "squash"
    assert (pack.textual.lowercase, pack.textual.strip_punctuation) == (True, True)


def test_a_transformers_js_folder_is_described_as_it_is(tmp_path):
    pack = read_layout(tiny.write_transformers_js(tmp_path / "clip"), name="x")
    assert pack.visual == VisualTower(
        "onnx/vision_model.onnx",
        side=8,
        dim=4,
        input="pixel_values",
        output="image_embeds",
        pixels="float-nchw",
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    assert pack.textual == TextualTower(
        "onnx/text_model.onnx",
        "tokenizer.json",
        context=77,
        dim=4,
        output="text_embeds",
        pad_id=3,
    )
    assert pack.architecture == "clip"


def test_a_siglip_of_transformers_js_pads_to_its_context(tmp_path):
    pack = read_layout(tiny.write_transformers_js(tmp_path / "siglip", siglip=True), name="x")
    assert (pack.visual.output, pack.visual.fit, pack.visual.resample) == (
        "pooler_output",
        "squash",
        "bilinear",
    )
    assert (pack.textual.context, pack.textual.pad_to_context) == (64, True)
    assert (pack.textual.lowercase, pack.textual.strip_punctuation) == (True, True)


def test_siglip_2_is_known_by_its_tokenizer_and_keeps_punctuation(tmp_path):
    folder = tiny.write_transformers_js(tmp_path / "siglip", siglip=True)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"].append({**_ADDED, "id": 900, "content": "<eos>"})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    pack = read_layout(folder, name="x")
    assert (pack.textual.lowercase, pack.textual.strip_punctuation) == (True, False)


@pytest.mark.parametrize(
    ("precision", "stem"), [(None, ""), ("fp32", ""), ("fp16", "_fp16"), ("int8", "_quantized")]
)
def test_the_precision_chooses_the_variant(tmp_path, precision, stem):
    variants = ("", "_fp16", "_quantized", "_int8", "_q4")
    folder = tiny.write_transformers_js(tmp_path / "clip", suffixes=variants)
    pack = read_layout(folder, name="x", precision=precision)
    assert pack.visual.file == f"onnx/vision_model{stem}.onnx"
    assert pack.textual.file == f"onnx/text_model{stem}.onnx"
    assert pack.precision == (precision or "fp32")
    assert {file for file in pack.files if file.endswith(".onnx")} == {
        pack.visual.file,
        pack.textual.file,
    }


def test_a_precision_that_is_not_there_is_refused_with_those_that_are(tmp_path):
    folder = tiny.write_transformers_js(tmp_path / "clip", suffixes=("", "_quantized"))
    with pytest.raises(PackError, match="has fp32 and int8, not fp16"):
        read_layout(folder, name="x", precision="fp16")


def test_pixels_scaled_by_another_factor_are_normalised_alike(tmp_path):
    folder = tiny.write_transformers_js(tmp_path / "clip")
    change(folder / "preprocessor_config.json", rescale_factor=1 / 127.5, image_mean=[1, 1, 1])
    visual = read_layout(folder, name="x").visual
    given = 200.0
    theirs = (given / 127.5 - 1) / 0.5
    assert (given / 255 - visual.mean[0]) / visual.std[0] == pytest.approx(theirs)


def test_one_tower_alone_is_a_pack_of_that_tower(tmp_path):
    folder = tiny.write_transformers_js(tmp_path / "clip")
    (folder / "onnx/text_model.onnx").unlink()
    pack = read_layout(folder, name="x")
    assert pack.textual is None
    assert pack.visual is not None


@pytest.mark.parametrize("half", [0, 1])
def test_either_folder_of_a_fastembed_pair_names_both(tmp_path, half):
    folders = tiny.write_fastembed_pair(tmp_path)
    folder, other = folders[half], folders[1 - half]
    pack = read_layout(folder, name="x")
    assert pack.is_joint
    assert (folder / pack.visual.file).resolve() == folders[0] / "model.onnx"
    assert (folder / pack.textual.file).resolve() == folders[1] / "model.onnx"
    assert (folder / pack.textual.tokenizer).resolve() == folders[1] / "tokenizer.json"
    assert (pack.textual.mask, pack.textual.context) == ("attention_mask", 77)
    assert pack.visual.side == 8
    for file, sha256 in pack.files.items():
        assert file_sha256(folder / file) == sha256
    assert any(file.startswith(f"../{other.name}/") for file in pack.files)


def test_both_halves_of_a_pair_count_in_its_fingerprints(tmp_path):
    vision, text = tiny.write_fastembed_pair(tmp_path)
    before = read_layout(vision, name="x")
    tiny.write_textual(text / "model.onnx", others=("attention_mask",), seed=99)
    after = read_layout(vision, name="x")
    assert before.fingerprint(before.visual) == after.fingerprint(after.visual)
    assert before.fingerprint(before.textual) != after.fingerprint(after.textual)


@pytest.mark.parametrize("half", [0, 1])
def test_half_a_pair_is_a_pack_of_one_tower(tmp_path, half):
    folders = tiny.write_fastembed_pair(tmp_path)
    folders[1 - half].rename(tmp_path / "elsewhere")
    pack = read_layout(folders[half], name="x")
    assert [pack.visual is None, pack.textual is None] == [half == 1, half == 0]


@pytest.mark.parametrize(
    ("mode", "pooling"),
    [("mean_tokens", "mean"), ("cls_token", "cls"), ("lasttoken", "last"), (None, "mean")],
)
def test_sentence_transformers_say_how_tokens_are_pooled(tmp_path, mode, pooling):
    pack = read_layout(tiny.write_sentence_onnx(tmp_path / "st", mode=mode), name="x")
    assert pack.visual is None
    assert pack.textual == TextualTower(
        "onnx/model.onnx",
        "tokenizer.json",
        context=6,
        dim=4,
        output="last_hidden_state",
        mask="attention_mask",
        token_types="token_type_ids",
        pooling=pooling,
    )


def test_newer_pooling_settings_are_understood(tmp_path):
    folder = tiny.write_sentence_onnx(tmp_path / "st")
    tiny.write_json(folder / "1_Pooling/config.json", {"pooling_mode": "cls"})
    assert read_layout(folder, name="x").textual.pooling == "cls"


def test_the_card_says_how_tokens_are_pooled_where_the_files_do_not(tmp_path):
    folder = tiny.write_sentence_onnx(tmp_path / "st", mode=None)
    assert read_layout(folder, name="Qdrant/bge-small-en-v1.5-onnx-Q").textual.pooling == "cls"
    change(folder / "config.json", _name_or_path="BAAI/bge-small-en-v1.5")
    assert read_layout(folder, name="x").textual.pooling == "cls"


def test_a_vector_that_the_graph_pools_itself_is_taken(tmp_path):
    folder = tiny.write_sentence_onnx(tmp_path / "st")
    tiny.write_textual(folder / "onnx/model.onnx", output="sentence_embedding")
    textual = read_layout(folder, name="x").textual
    assert (textual.output, textual.pooling) == ("sentence_embedding", "none")


def test_the_pooler_of_a_bare_bert_is_not_taken_for_its_vector(tmp_path):
    folder = tiny.write_sentence_onnx(tmp_path / "st")
    path = folder / "onnx/model.onnx"
    model = onnx.load(path)
    mean = helper.make_node("ReduceMean", ["last_hidden_state"], ["pooler_output"], keepdims=0)
    model.graph.node.append(mean)
    pooled = helper.make_tensor_value_info("pooler_output", TensorProto.FLOAT, ["batch", 4])
    model.graph.output.append(pooled)
    onnx.save(model, path)
    assert read_layout(folder, name="x").textual.output == "last_hidden_state"


def test_a_dense_layer_that_the_onnx_lacks_is_refused(tmp_path):
    folder = tiny.write_sentence_onnx(tmp_path / "st")
    kinds = ("Transformer", "Pooling", "Dense")
    tiny.write_json(folder / "modules.json", [{"type": f"x.{kind}"} for kind in kinds])
    with pytest.raises(PackError, match="Dense layer behind its pooling"):
        read_layout(folder, name="x")


def test_weights_beside_the_graph_are_among_the_files(tmp_path):
    folder = tiny.write_transformers_js(tmp_path / "clip")
    path = folder / "onnx/vision_model.onnx"
    onnx.save(
        onnx.load(path),
        path,
        save_as_external_data=True,
        location="vision_model.onnx_data",
        size_threshold=0,
    )
    assert "onnx/vision_model.onnx_data" in read_layout(folder, name="x").files
    (folder / "onnx/vision_model.onnx_data").unlink()
    with pytest.raises(PackError, match=r"vision_model\.onnx_data cannot be read"):
        read_layout(folder, name="x")


@pytest.mark.parametrize(
    ("kind", "precision"), [(np.float16, "fp16"), (np.float32, "fp32"), (None, "int8")]
)
def test_the_precision_of_a_lone_graph_is_told_by_its_content(tmp_path, kind, precision):
    vision, _ = tiny.write_fastembed_pair(tmp_path)
    vision = vision.rename(tmp_path / "alone")
    path = vision / "model.onnx"
    model = onnx.load(path)
    if kind is None:
        names = ["quantized", "scale", "zero"]
        model.graph.node.append(helper.make_node("DynamicQuantizeLinear", ["colour"], names))
    else:
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(99, kind), "more"))
    onnx.save(model, path)
    assert read_layout(vision, name="x").precision == precision
    other = {"fp16": "int8", "fp32": "fp16", "int8": "fp32"}[precision]
    with pytest.raises(PackError, match=f"is {precision}, not {other}"):
        read_layout(vision, name="x", precision=other)


def damage(folder, what):
    path = folder / "onnx/vision_model.onnx"
    if what == "cut short":
        os.truncate(path, path.stat().st_size // 2)
    elif what == "text":
        path.write_text("<html>not found</html>" * 9)
    elif what == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("what", ["cut short", "text", "empty"])
def test_a_damaged_graph_is_named(tmp_path, what):
    folder = tiny.write_transformers_js(tmp_path / "clip")
    damage(folder, what)
    with pytest.raises(PackError, match=r"vision_model\.onnx is (damaged|no ONNX file)"):
        read_layout(folder, name="x")


def test_towers_of_different_dimensions_are_refused(tmp_path):
    folder = tiny.write_transformers_js(tmp_path / "clip", dims=(4, 6))
    with pytest.raises(PackError, match="pictures have 4 dimensions, texts 6"):
        read_layout(folder, name="x")


def test_a_graph_that_reads_pictures_and_texts_at_once_is_refused(tmp_path):
    folder = tiny.write_sentence_onnx(tmp_path / "clip", mode=None)
    path = folder / "model.onnx"
    model = onnx.load(folder / "onnx/model.onnx")
    picture = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, 8, 8])
    model.graph.input.append(picture)
    onnx.save(model, path)
    (folder / "onnx/model.onnx").unlink()
    with pytest.raises(PackError, match="pictures and texts at once"):
        read_layout(folder, name="x")


def test_a_graph_without_a_vector_per_picture_is_refused_with_what_it_gives(tmp_path):
    folder = tiny.write_transformers_js(tmp_path / "clip")
    path = folder / "onnx/vision_model.onnx"
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 7
    onnx.save(model, path)
    model.graph.output[0].name = "patches"
    model.graph.node[-1].output[0] = "patches"
    onnx.save(model, path)
    with pytest.raises(PackError, match=r"no vector .*: patches float32\[None, 4, 7\]"):
        read_layout(folder, name="x")


def test_a_text_tower_without_its_tokenizer_is_refused(tmp_path):
    folder = tiny.write_transformers_js(tmp_path / "clip")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(PackError, match=r"no tokenizer\.json"):
        read_layout(folder, name="x")


@pytest.mark.parametrize(
    "settings", ["[1]", "{", '{"mean": 1}', '{"size": [8, 9]}', '{"resize_mode": "wrap"}']
)
def test_settings_that_cannot_be_are_refused(tmp_path, settings):
    folder = tiny.write_immich(tmp_path / "clip")
    (folder / "visual/preprocess_cfg.json").write_text(settings)
    with pytest.raises(PackError, match=r"preprocess_cfg|not square|its settings"):
        read_layout(folder, name="x")


def test_a_folder_of_something_else_is_refused_with_the_layouts_that_are_known(tmp_path):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(PackError, match=r"holds no encoder: neither pack\.toml"):
        read_layout(tmp_path, name="x")
    with pytest.raises(PackError, match="cannot be read"):
        read_layout(tmp_path / "gone", name="x")


def test_files_of_a_checkpoint_are_weights_settings_and_modules_but_no_pickles():
    names = [
        "README.md",
        "config.json",
        "flax_model.msgpack",
        "model.safetensors",
        "merges.txt",
        "modules.json",
        "1_Pooling/config.json",
        "2_Dense/config.json",
        "2_Dense/model.safetensors",
        "2_Dense/pytorch_model.bin",
        "onnx/model.onnx",
        "preprocessor_config.json",
        "pytorch_model.bin",
        "sentence_bert_config.json",
        "tokenizer.json",
        "vocab.json",
    ]
    chosen = checkpoint_files(names)
    assert set(names) - set(chosen) == {
        "README.md",
        "flax_model.msgpack",
        "2_Dense/pytorch_model.bin",
        "onnx/model.onnx",
        "pytorch_model.bin",
    }


def test_a_sharded_checkpoint_is_all_its_parts():
    parts = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
    names = ["config.json", *parts, "model.safetensors.index.json"]
    assert checkpoint_files(names) == sorted(names)
    assert checkpoint_files([*names, "model.safetensors"]) == ["config.json", "model.safetensors"]


def test_pickles_alone_are_no_checkpoint():
    names = ["config.json", "pytorch_model.bin", "tokenizer.json"]
    assert checkpoint_files(names) is None
    assert find_pickle(names) == "pytorch_model.bin"
    assert find_pickle(["config.json"]) is None
    assert find_layouts(names) == {}
