import json

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sightline.encode import session as sessions
from sightline.encode.device import Compute, Device
from sightline.encode.towers import IMAGE_ROWS, TEXT_ROWS, open_pack
from sightline.errors import EncoderError
from sightline.types import View
from sightline_models.build import build_pack
from sightline_models.graph import Graph
from sightline_models.pack import Pack, TextualTower, VisualTower
from tiny_checkpoints import clip_tokenizer, clip_vocabulary, write_clip_checkpoint

CPU = Compute("cpu", 1)
RANDOM = np.random.default_rng(0)
WORDS = RANDOM.standard_normal((len(clip_vocabulary()) + 1, 4)).astype(np.float32)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def pictures(count, side=32):
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The towers of a tiny CLIP, its pack and where that is."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / "pack").mkdir()
    checkpoint = write_clip_checkpoint(folder / "checkpoint")
    pack = build_pack(checkpoint, folder / "pack", name="tiny/clip")
    images, texts = open_pack(folder / "pack", pack, CPU)
    return images, texts, pack, folder / "pack"


@pytest.fixture
def images(tmp_path):
    """Write a graph that gives the mean of each channel, and open it as a visual tower."""

    def images(pixels, *, batch="batch", dtype=None, dim=3, **options):
        dtype = dtype or (np.uint8 if pixels.startswith("uint8") else np.float32)
        first = pixels.endswith("nchw")
        with Graph(tmp_path / "visual.onnx") as graph:
            shape = [batch, 3, 8, 8] if first else [batch, 8, 8, 3]
            x = graph.input("x", dtype, shape)
            numbers = graph.add("Cast", x, to=1)
            axes = graph.integers([2, 3] if first else [1, 2])
            means = graph.add("ReduceMean", numbers, axes, keepdims=0)
            graph.output("y", means, np.float32, [batch, 3])
        tower = VisualTower("visual.onnx", 8, dim, "x", "y", pixels, **options)
        return open_pack(tmp_path, Pack("tiny", "fp32", tower), CPU)[0]

    return images


@pytest.fixture
def texts(tmp_path):
    """Write a graph that gives the vector of every token, and open it as a textual tower.

    Its mask and token types, where it has them, are added to the ids, so that they matter.
    """

    def texts(*, batch="batch", length="length", dtype=np.int64, scale=1.0, context=16, **options):
        (tmp_path / "tokenizer.json").write_text(json.dumps(clip_tokenizer()), "utf-8")
        with Graph(tmp_path / "textual.onnx") as graph:
            ids = graph.input("ids", dtype, [batch, length])
            for name in ("mask", "token_types"):
                if name in options:
                    other = graph.input(options[name], np.int64, [batch, length])
                    ids = graph.add("Add", ids, other)
            table = graph.weight(WORDS * np.float32(scale))
            graph.output(
                "y", graph.add("Gather", table, ids, axis=0), np.float32, [batch, length, 4]
            )
        tower = TextualTower("textual.onnx", "tokenizer.json", context, 4, "ids", "y", **options)
        return open_pack(tmp_path, Pack("tiny", "fp32", None, tower), CPU)[1]

    return texts


def token_vectors(text):
    """The vectors of the tokens of a text that is made of whole words of the vocabulary."""
    vocabulary = clip_vocabulary()
    words = ["<|startoftext|>", *(f"{word}</w>" for word in text.split()), "<|endoftext|>"]
    return WORDS[[vocabulary[word] for word in words]]


def test_towers_tell_what_their_pack_says(clip):
    images, texts, pack, _ = clip
    assert images.fingerprint == pack.fingerprint(pack.visual)
    assert texts.fingerprint == pack.fingerprint(pack.textual)
    assert images.view == View(32, "crop", "bicubic")
    assert images.dim == texts.dim == 16


def test_a_tower_that_a_pack_has_not_is_none(tmp_path):
    assert open_pack(tmp_path, Pack("empty", "fp32"), CPU) == (None, None)


@pytest.mark.parametrize("count", [1, IMAGE_ROWS, IMAGE_ROWS + 1])
def test_pictures_in_batches_have_the_vectors_they_have_alone(clip, count):
    images = clip[0]
    pixels = pictures(count)
    vectors = images.encode(pixels)
    assert vectors.dtype == np.float32
    assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    alone = np.concatenate([images.encode(picture[None]) for picture in pixels])
    assert_allclose(vectors, alone, atol=1e-5)


def test_texts_of_any_length_come_back_in_the_order_they_were_given(clip):
    texts = clip[1]
    words = [
        "the red cat " * (number % 9) + "cat " * (number % 5) for number in range(TEXT_ROWS + 9)
    ]
    alone = np.concatenate([texts.encode([text]) for text in words])
    assert_allclose(texts.encode(words), alone, atol=1e-5)


@pytest.mark.parametrize("text", ["", "😀", "cat \ud83d", "the cat " * 50_000, "\x00"])
def test_any_text_has_a_vector(clip, text):
    assert_allclose(np.linalg.norm(clip[1].encode([text])), 1, atol=1e-6)


def test_nothing_gives_no_vectors_and_opens_nothing(tmp_path):
    towers = Pack("p", "fp32", VisualTower("v", 8, 5), TextualTower("t", "j", 8, 5))
    images, texts = open_pack(tmp_path, towers, CPU)
    assert images.encode(pictures(0, 8)).shape == (0, 5)
    assert texts.encode([]).shape == (0, 5)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 8, 8, 3), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((1, 3, 32, 32), np.uint8),
        np.zeros((1, 32, 32, 3), np.float32),
    ],
)
def test_pictures_of_another_shape_are_refused(clip, pixels):
    with pytest.raises(ValueError, match="32 x 32 x 3, uint8"):
        clip[0].encode(pixels)


@pytest.mark.parametrize("layout", ["uint8-nhwc", "uint8-nchw"])
def test_bytes_reach_the_graph_in_its_layout(images, layout):
    pixels = pictures(3, 8)
    assert_allclose(images(layout).encode(pixels), unit(pixels.mean((1, 2))), atol=1e-6)


@pytest.mark.parametrize(("dtype", "atol"), [(np.float32, 1e-6), (np.float16, 1e-3)])
def test_a_float_graph_is_given_normalised_channels(images, dtype, atol):
    mean, std = (0.48, 0.4, 0.3), (0.2, 0.3, 0.4)
    pixels = pictures(3, 8)
    vectors = images("float-nchw", dtype=dtype, mean=mean, std=std).encode(pixels)
    expected = unit((pixels.mean((1, 2)) / 255 - mean) / std)
    assert_allclose(vectors, expected, atol=atol)


def test_a_graph_of_a_fixed_batch_is_filled_up(images):
    pixels = pictures(5, 8)
    vectors = images("uint8-nhwc", batch=2).encode(pixels)
    assert_allclose(vectors, unit(pixels.mean((1, 2))), atol=1e-6)


def test_black_pictures_whose_vector_is_zero_are_an_error(images):
    tower = images("uint8-nhwc")
    with pytest.raises(EncoderError, match=r"tiny:fp32 gave NaN.* for 2 of 3 pictures"):
        tower.encode(
            np.stack(
                [np.zeros((8, 8, 3), np.uint8), *pictures(1, 8), *np.zeros((1, 8, 8, 3), np.uint8)]
            )
        )


def test_a_graph_of_another_dim_is_told_with_both(images):
    with pytest.raises(EncoderError, match=r"\(2, 3\) for 2 pictures.* 7 numbers"):
        images("uint8-nhwc", dim=7).encode(pictures(2, 8))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_an_error(texts, bad):
    tower = texts(scale=bad, pooling="cls")
    with pytest.raises(EncoderError, match=r"tiny:fp32 gave NaN.* for 2 of 2 texts"):
        tower.encode(["cat", "red"])


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("mean", lambda tokens: tokens.mean(0)),
        ("cls", lambda tokens: tokens[0]),
        ("last", lambda tokens: tokens[-1]),
    ],
)
def test_pooling_sees_the_tokens_of_a_text_and_none_of_its_padding(texts, pooling, pool):
    words = ["cat", "the red cat", "red cat"]
    expected = np.stack([unit(pool(token_vectors(text))) for text in words])
    assert_allclose(texts(pooling=pooling).encode(words), expected, atol=1e-6)
    assert_allclose(texts(pooling=pooling, pad_to_context=True).encode(words), expected, atol=1e-6)


@pytest.mark.parametrize(("batch", "length"), [(1, "length"), (2, 16), (4, 16), ("batch", 16)])
@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_a_graph_of_fixed_shape_is_given_that_shape(texts, batch, length, dtype):
    words = ["cat", "the red cat", "red cat"]
    tower = texts(batch=batch, length=length, dtype=dtype, pooling="mean")
    expected = np.stack([unit(token_vectors(text).mean(0)) for text in words])
    assert_allclose(tower.encode(words), expected, atol=1e-6)


def test_mask_and_token_types_are_given_where_the_graph_has_them(texts, monkeypatch):
    tower = texts(mask="attention_mask", token_types="token_type_ids", pooling="mean", pad_id=3)
    run, given = tower.session.run, []
    monkeypatch.setattr(tower.session, "run", lambda feeds: given.append(feeds) or run(feeds))
    vectors = tower.encode(["red cat", "cat"])
    start, cat, red, end = (
        clip_vocabulary()[word]
        for word in ("<|startoftext|>", "cat</w>", "red</w>", "<|endoftext|>")
    )
    (feeds,) = given
    assert feeds["ids"].tolist() == [[start, cat, end, 3], [start, red, cat, end]]
    assert feeds["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
    assert feeds["token_type_ids"].tolist() == [[0] * 4] * 2
    expected = unit(WORDS[np.array([start, cat, end]) + 1].mean(0))
    assert_allclose(vectors[1], expected, atol=1e-6)


def test_texts_are_padded_to_the_context_where_the_pack_says_so(texts, monkeypatch):
    lengths = []
    for to_context in (False, True):
        tower = texts(pooling="mean", pad_to_context=to_context)
        run = tower.session.run
        monkeypatch.setattr(
            tower.session,
            "run",
            lambda feeds, run=run: lengths.append(feeds["ids"].shape) or run(feeds),
        )
        tower.encode(["cat", "red cat"])
    assert lengths == [(2, 4), (2, 16)]


def test_on_a_gpu_inputs_are_filled_up_to_few_shapes_and_vectors_are_the_same(clip, monkeypatch):
    class OnCpu(sessions.StaticSession):
        """All that is done for a GPU, in the memory there is."""

        def __init__(self, file, output, device, feeds, inputs):
            shapes.append(tuple(array.shape for array in feeds.values()))
            super().__init__(file, output, Device("cpu", 0, ""), feeds, inputs)

    shapes = []
    monkeypatch.setattr(sessions, "choose_device", lambda compute: Device("cuda", 0, ""))
    monkeypatch.setattr(sessions, "StaticSession", OnCpu)
    folder, pack = clip[3], clip[2]
    images, texts = open_pack(folder, pack, Compute("cuda"))
    pixels = pictures(70)
    words = ["the red cat " * (number % 20) for number in range(70)]
    assert_allclose(images.encode(pixels), clip[0].encode(pixels), atol=1e-5)
    assert_allclose(images.encode(pixels[:1]), clip[0].encode(pixels[:1]), atol=1e-5)
    assert shapes == [((64, 32, 32, 3),), ((1, 32, 32, 3),)]
    shapes.clear()
    assert_allclose(texts.encode(words), clip[1].encode(words), atol=1e-5)
    assert_allclose(texts.encode(["cat"]), clip[1].encode(["cat"]), atol=1e-5)
    assert shapes == [((64, 77),), ((1, 32),)]


def test_a_graph_shorter_than_the_pack_says_is_told_with_both(texts):
    tower = texts(length=6, pooling="mean")
    with pytest.raises(EncoderError, match=r"reads 6 tokens at most, where its pack says 16"):
        tower.encode(["the red cat " * 3])


def test_an_output_without_pooling_is_told(texts):
    with pytest.raises(EncoderError, match=r"array of \(1, 3, 4\) for 1 texts"):
        texts().encode(["cat"])


def test_an_int8_vector_does_not_depend_on_its_neighbours(tmp_path):
    write_clip_checkpoint(tmp_path / "checkpoint")
    (tmp_path / "pack").mkdir()
    pack = build_pack(tmp_path / "checkpoint", tmp_path / "pack", name="tiny", precision="int8")
    images, texts = open_pack(tmp_path / "pack", pack, Compute("cpu"))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    pixels[1:] //= 8
    words = ["the red cat", "a", "the the the the cat cat cat", "red"]
    for tower, inputs in ((images, pixels), (texts, words)):
        together = tower.encode(inputs)
        alone = np.concatenate([tower.encode(inputs[place : place + 1]) for place in range(4)])
        # What a session does in another order after its first runs is a matter of 1e-7.
        assert_allclose(together[:4], alone, atol=1e-5)
