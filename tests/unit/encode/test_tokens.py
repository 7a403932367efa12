import json
import os
import threading
from pathlib import Path

import pytest
from sightline.encode.tokens import Tokens
from sightline.errors import EncoderError
from sightline_models.pack import TextualTower
from tiny_checkpoints import END, START, clip_tokenizer, clip_vocabulary

WORDS = clip_vocabulary()
FIRST, LAST = WORDS[START], WORDS[END]
THE, RED, CAT = WORDS["the</w>"], WORDS["red</w>"], WORDS["cat</w>"]
# 200 texts of many scripts with the ids that transformers' own CLIPTokenizer gives them.
GOLDEN = json.loads(Path(__file__).with_name("clip_tokens.json").read_text("utf-8"))


@pytest.fixture
def write(tmp_path):
    """Write a tokenizer.json, which is CLIP's in small unless changed, and open it."""

    def write(context=77, *, changes=(), **options) -> Tokens:
        path = tmp_path / "tokenizer.json"
        path.write_text(json.dumps({**clip_tokenizer(), **dict(changes)}), "utf-8")
        return Tokens(path, TextualTower("model.onnx", path.name, context, 4, **options))

    return write


def test_a_text_is_put_between_start_and_end(write):
    assert write().ids(["the red cat"]) == [[FIRST, THE, RED, CAT, LAST]]


def test_an_empty_text_has_the_special_tokens_alone(write):
    assert write().ids(["", " \n\t"]) == [[FIRST, LAST]] * 2


def test_a_text_longer_than_the_context_keeps_its_end_token(write):
    assert write(context=4).ids(["the red cat the red cat"]) == [[FIRST, THE, RED, LAST]]


def test_a_text_of_just_the_context_is_not_cut(write):
    assert write(context=5).ids(["the red cat"]) == [[FIRST, THE, RED, CAT, LAST]]


def test_a_bert_text_longer_than_the_context_keeps_its_separator(write):
    vocabulary = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "red": 4, "shoe": 5}
    single = [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    single.append({"SpecialToken": {"id": "[SEP]", "type_id": 0}})
    marks = {
        mark: {"id": mark, "ids": [vocabulary[mark]], "tokens": [mark]}
        for mark in ("[CLS]", "[SEP]")
    }
    bert = {
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": single, "pair": single,
                           "special_tokens": marks},
        "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    }  # fmt: skip
    tokens = write(context=4, changes=bert)
    assert tokens.ids(["Red shoe", "red shoe red shoe", "x" * 200]) == [
        [2, 4, 5, 3],
        [2, 4, 5, 3],
        [2, 1, 3],
    ]


def test_padding_and_truncation_in_the_file_are_not_listened_to(write):
    changes = {
        "padding": {"strategy": {"Fixed": 20}, "direction": "Left", "pad_to_multiple_of": None,
                    "pad_id": 0, "pad_type_id": 0, "pad_token": "!"},
        "truncation": {"direction": "Left", "max_length": 3, "strategy": "LongestFirst",
                       "stride": 1},
    }  # fmt: skip
    tokens = write(context=4, changes=changes)
    assert tokens.ids(["the", "the red cat"]) == [[FIRST, THE, LAST], [FIRST, THE, RED, LAST]]


def test_special_tokens_are_added_once_whatever_the_file_was_used_for(write):
    ids = write().ids(["cat"])[0]
    assert (ids.count(FIRST), ids.count(LAST)) == (1, 1)


def test_a_tokenizer_without_special_tokens_gives_an_empty_text_the_padding_token(write):
    tokens = write(changes={"post_processor": None}, pad_id=7)
    assert tokens.ids(["", "cat"]) == [[7], [CAT]]


def test_a_megabyte_of_text_is_cut_before_it_is_read(write):
    tokens = write(context=8)
    texts = ["cat " * 250_000, "c" * 1_000_000, " " * 1_000_000 + "cat"]
    long, word, blank = tokens.ids(texts)
    assert long == [FIRST, *[CAT] * 6, LAST]
    assert len(word) == 8
    assert word[-1] == LAST
    assert blank == [FIRST, CAT, LAST]


def test_half_a_character_is_read_as_unknown_and_two_halves_as_one(write):
    tokens = write()
    lone, unknown, pair, whole = tokens.ids(["cat \ud83d", "cat \ufffd", "\ud83d\udc5f", "👟"])
    assert lone == unknown
    assert pair == whole


@pytest.mark.parametrize(
    "text", ["красная туфля", "赤い靴", "حذاء", "👩‍👩‍👧‍👦🏳️‍🌈", "\x00\x07", "e\u0301\u0323"]
)
def test_any_script_has_tokens_between_start_and_end(write, text):
    ids = write().ids([text])[0]
    assert ids[0] == FIRST
    assert ids[-1] == LAST
    assert len(ids) > 3


def test_canonical_form_is_lowercase_without_punctuation_and_blanks(write):
    changes = {"normalizer": None, "pre_tokenizer": {"type": "WhitespaceSplit"}}
    as_it_is = write(changes=changes).ids(["the  red, CAT!"])
    canonical = write(changes=changes, lowercase=True, strip_punctuation=True)
    assert (
        canonical.ids(["  The \n red, CAT!!", "the red cat"]) == [[FIRST, THE, RED, CAT, LAST]] * 2
    )
    assert as_it_is != [[FIRST, THE, RED, CAT, LAST]]


def test_threads_share_one_tokenizer(write):
    tokens = write()
    expected = tokens.ids(["the red cat"] * 50)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(tokens.ids(["the red cat"] * 50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


@pytest.mark.parametrize("content", [None, "", "{}", "not json", "\x00"])
def test_a_tokenizer_that_is_missing_or_damaged_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content, "utf-8")
    tokens = Tokens(path, TextualTower("model.onnx", path.name, 77, 4))
    with pytest.raises(EncoderError, match=r"tokenizer\.json cannot be read.*build the encoder"):
        tokens.ids(["cat"])


def test_a_context_without_room_for_a_word_is_refused(write):
    with pytest.raises(EncoderError, match=r"adds 2 special tokens.*context of 2"):
        write(context=2).ids(["cat"])


@pytest.mark.skipif(
    "SIGHTLINE_TEST_DATA" not in os.environ,
    reason="SIGHTLINE_TEST_DATA names no folder with openai_clip_tokenizer/tokenizer.json",
)
def test_clips_own_tokenizer_gives_the_ids_of_transformers():
    path = Path(os.environ["SIGHTLINE_TEST_DATA"]) / "openai_clip_tokenizer" / "tokenizer.json"
    tokens = Tokens(path, TextualTower("model.onnx", path.name, 77, 512))
    texts = [text for text, _ in GOLDEN["texts"]]
    assert len(set(texts)) == 200
    found = zip(texts, tokens.ids(texts), (ids for _, ids in GOLDEN["texts"]), strict=True)
    assert [entry for entry in found if entry[1] != entry[2]] == []


@pytest.mark.dev_reference
@pytest.mark.skipif("SIGHTLINE_TEST_DATA" not in os.environ, reason="SIGHTLINE_TEST_DATA is unset")
def test_golden_ids_are_those_of_the_transformers_at_hand():
    transformers = pytest.importorskip("transformers")
    folder = Path(os.environ["SIGHTLINE_TEST_DATA"]) / "openai_clip_tokenizer"
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    for text, ids in GOLDEN["texts"]:
        assert tokenizer(text, truncation=True, max_length=77)["input_ids"] == ids
