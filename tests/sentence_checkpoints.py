"""Tiny sentence-transformers folders with random weights, one per relative of BERT."""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
from sightline_models.pack import Pack
from tiny_checkpoints import RandomTensors, write_json, write_safetensors
from tokenizers import Tokenizer

WIDTH, HEADS, LAYERS, INNER, LONGEST = 32, 4, 2, 48, 160
TEXTS = (
    "a red bicycle",
    "x",
    "",
    "Ünïcödé, 猫 and 🚲!",
    "the quick brown fox jumps over the lazy dog 42 times",
    "a long list of words " * 12,  # MPNet's far distances
    "words without an end " * 80,  # beyond the context
)
_BERT_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_ROBERTA_MARKS = ("<pad>", "<unk>", "<s>", "</s>")


@dataclass(frozen=True)
class SentenceCase:
    """One folder: whose encoder, and what follows it."""

    family: str = "bert"
    pooling: Sequence[str] = ("mean",)
    dense: int | None = None
    """Width of a projection."""
    old_switches: bool = False
    """Whether the pooling is written as it was until 2025."""
    modules: bool = True
    settings: Mapping[str, object] = field(default_factory=lambda: {"max_seq_length": 150})


CASES = {
    "mean": SentenceCase(),
    "class token": SentenceCase(pooling=["cls"]),
    "largest": SentenceCase(pooling=["max"]),
    # Without a projection its direction would be that of the mean.
    "mean by root": SentenceCase(pooling=["mean_sqrt_len_tokens"], dense=24),
    "mean by position": SentenceCase(pooling=["weightedmean"]),
    "last token": SentenceCase(pooling=["lasttoken"]),
    "two poolings": SentenceCase(pooling=["cls", "mean"], old_switches=True),
    "projection": SentenceCase(dense=24),
    "plain bert": SentenceCase(modules=False),
    "distilbert": SentenceCase("distilbert"),
    "roberta": SentenceCase("roberta"),
    "camembert": SentenceCase("camembert", pooling=["lasttoken"]),
    "xlm-roberta": SentenceCase("xlm-roberta", pooling=["cls"]),
    "mpnet": SentenceCase("mpnet"),
}


def write_sentence_folder(folder: Path, case: SentenceCase) -> Path:
    """Write a folder as sentence-transformers saves it, into one that exists; return it."""
    marks = _BERT_MARKS if case.family in {"bert", "distilbert"} else _ROBERTA_MARKS
    # RoBERTa's padding is token 1, and its positions begin behind it.
    words = [*marks, *string.printable[:36], "猫", *(f"##{c}" for c in string.printable[:36])]
    if marks is _ROBERTA_MARKS:
        words[0], words[1] = words[2], words[0]
        words[2], words[3] = marks[3], marks[1]
    vocabulary = {word: number for number, word in enumerate(words)}
    positions = LONGEST + (0 if marks is _BERT_MARKS else 2)
    tensors = _tensors(case.family, len(words), positions)
    write_safetensors(folder / "model.safetensors", tensors)
    write_json(folder / "config.json", _config(case.family, len(words), positions))
    _write_tokenizer(folder, vocabulary, marks)
    if case.modules:
        _write_modules(folder, case)
        write_json(folder / "sentence_bert_config.json", dict(case.settings))
    return folder


def pack_inputs(folder: Path, pack: Pack, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Return ids and mask of texts, as one batch padded to its longest."""
    tower = pack.textual
    tokenizer = Tokenizer.from_file(str(folder / tower.tokenizer))
    tokenizer.enable_truncation(tower.context)
    tokenizer.enable_padding(pad_id=tower.pad_id)
    rows = tokenizer.encode_batch(list(texts))
    return {
        tower.input: np.array([row.ids for row in rows]),
        tower.mask: np.array([row.attention_mask for row in rows]),
    }


def sentence_vectors(
    folder: Path, pack: Pack, texts: Sequence[str], *, optimised: bool = True
) -> np.ndarray:
    """Run the textual tower of a pack on texts."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.disable_prepacking", "1")
    file = str(folder / pack.textual.file)
    session = onnxruntime.InferenceSession(file, options, ["CPUExecutionProvider"])
    return session.run(None, pack_inputs(folder, pack, texts))[0]


def reference_vectors(folder: Path, texts: Sequence[str]) -> np.ndarray:
    """Encode texts with sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return model.encode(
        list(texts), batch_size=len(texts), normalize_embeddings=True, show_progress_bar=False
    )


def _tensors(family: str, words: int, positions: int) -> RandomTensors:
    tensors = RandomTensors(seed=len(family))
    tensors.draw("embeddings.word_embeddings.weight", words, WIDTH, spread=1)
    tensors.draw("embeddings.position_embeddings.weight", positions, WIDTH, spread=0.5)
    tensors.norm("embeddings.LayerNorm", WIDTH)
    if family not in {"distilbert", "mpnet"}:
        tensors.draw("embeddings.token_type_embeddings.weight", 2, WIDTH, spread=0.5)
    if family == "mpnet":
        tensors.draw("encoder.relative_attention_bias.weight", 32, HEADS, spread=1)
    square, out, norms, feed = {
        "distilbert": (
            ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
            "attention.out_lin",
            ["sa_layer_norm", "output_layer_norm"],
            ["ffn.lin1", "ffn.lin2"],
        ),
        "mpnet": (
            ["attention.attn.q", "attention.attn.k", "attention.attn.v"],
            "attention.attn.o",
            ["attention.LayerNorm", "output.LayerNorm"],
            ["intermediate.dense", "output.dense"],
        ),
    }.get(
        family,
        (
            ["attention.self.query", "attention.self.key", "attention.self.value"],
            "attention.output.dense",
            ["attention.output.LayerNorm", "output.LayerNorm"],
            ["intermediate.dense", "output.dense"],
        ),
    )
    stem = "transformer.layer" if family == "distilbert" else "encoder.layer"
    for layer in range(LAYERS):
        prefix = f"{stem}.{layer}."
        for name in (*square, out):
            tensors.linear(prefix + name, WIDTH, WIDTH)
        for name in norms:
            tensors.norm(prefix + name, WIDTH)
        tensors.linear(prefix + feed[0], INNER, WIDTH)
        tensors.linear(prefix + feed[1], WIDTH, INNER)
    return tensors


def _config(family: str, words: int, positions: int) -> dict[str, object]:
    names = {
        "bert": "Bert", "camembert": "Camembert", "distilbert": "DistilBert", "mpnet": "MPNet",
        "roberta": "Roberta", "xlm-roberta": "XLMRoberta",
    }  # fmt: skip
    config = {
        "model_type": family,
        "architectures": [f"{names[family]}Model"],
        "vocab_size": words,
        "max_position_embeddings": positions,
        "pad_token_id": 0 if family in {"bert", "distilbert"} else 1,
    }
    if family == "distilbert":
        sizes = {"dim": WIDTH, "n_heads": HEADS, "n_layers": LAYERS, "hidden_dim": INNER}
        return config | sizes | {"activation": "gelu"}
    config |= {"hidden_size": WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS}
    config |= {"intermediate_size": INNER, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    return config | ({} if family == "mpnet" else {"type_vocab_size": 2})


def _write_tokenizer(
    folder: Path, vocabulary: Mapping[str, int], marks: tuple[str, str, str, str]
) -> None:
    pad, unknown, start, end = marks
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    bert = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": True}
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": vocabulary[mark], "content": mark, **flags, "special": True} for mark in marks
        ],
        "normalizer": {"type": "BertNormalizer", **bert, "lowercase": False},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "BertProcessing",
            "sep": [end, vocabulary[end]],
            "cls": [start, vocabulary[start]],
        },
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }
    write_json(folder / "tokenizer.json", document)
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": LONGEST}
    settings |= {"pad_token": pad, "unk_token": unknown, "cls_token": start, "sep_token": end}
    write_json(folder / "tokenizer_config.json", settings)


def _write_modules(folder: Path, case: SentenceCase) -> None:
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    (folder / "1_Pooling").mkdir()
    pooling: dict[str, object] = {"word_embedding_dimension": WIDTH}
    if case.old_switches:
        switches = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}
        pooling |= {f"pooling_mode_{switches[name]}": name in case.pooling for name in switches}
    else:
        pooling["pooling_mode"] = list(case.pooling)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    if case.dense:
        place = folder / "2_Dense"
        place.mkdir()
        inputs = WIDTH * len(case.pooling)
        tensors = RandomTensors(seed=5)
        tensors.linear("linear", case.dense, inputs)
        write_safetensors(place / "model.safetensors", tensors)
        sizes = {"in_features": inputs, "out_features": case.dense, "bias": True}
        activation = "torch.nn.modules.activation.Tanh"
        write_json(place / "config.json", {**sizes, "activation_function": activation})
        modules.append(("2_Dense", "Dense"))
    modules.append(("3_Normalize", "Normalize"))
    (folder / "3_Normalize").mkdir()
    entries = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(entries), "utf-8")
