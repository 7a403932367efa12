import numpy as np
import pytest
from sightline.errors import ConfigError, UnsupportedError
from sightline.inference import RETRIEVERS, Inference, read_inference

MODEL = Inference(
    limit=25,
    retrieval_k=50,
    retriever_k_override={"knn": 100, "random": 5},
    exploration_factor=0.1,
    diversity_factor=0.2,
    boosting_factor=0.3,
    diversity_attributes=("category",),
    drop_near_duplicates=True,
    value_model="score + 1",
    seed=7,
)


def read(settings, base=MODEL):
    return read_inference(settings, base, "config")


def test_every_key_is_read():
    settings = {
        "limit": 25,
        "retrieval_k": 50,
        "retriever_k_override": {"knn": 100, "random": 5},
        "exploration_factor": 0.1,
        "diversity_factor": 0.2,
        "boosting_factor": 0.3,
        "diversity_attributes": ["category"],
        "drop_near_duplicates": True,
        "value_model": " score + 1\n",
        "seed": 7,
    }
    assert read(settings, Inference()) == MODEL


@pytest.mark.parametrize(
    "settings",
    [
        None,
        {},
        dict.fromkeys(
            (
                "limit",
                "retrieval_k",
                "retriever_k_override",
                "exploration_factor",
                "diversity_attributes",
                "drop_near_duplicates",
                "value_model",
                "seed",
            )
        ),
        {"limit": 0, "retrieval_k": 0, "retriever_k_override": dict.fromkeys(RETRIEVERS, 0)},
        {"retriever_k_override": {"knn": None}},
        {"text_semantic_search_weight": None, "filter_interaction_iids": False},
    ],
)
def test_what_is_null_or_a_size_of_zero_leaves_the_model_s_setting(settings):
    assert read(settings) == MODEL


def test_a_request_wins_key_by_key_and_retriever_by_retriever():
    read_ = read({"diversity_factor": 0.9, "retriever_k_override": {"knn": 7, "trending": 8}})
    assert (read_.diversity_factor, read_.exploration_factor) == (0.9, 0.1)
    assert read_.retriever_k_override == {"knn": 7, "random": 5, "trending": 8}
    assert MODEL.retriever_k_override == {"knn": 100, "random": 5}


def test_a_request_switches_off_what_the_model_has_on():
    off = read(
        {
            "exploration_factor": 0,
            "diversity_factor": 0,
            "boosting_factor": 0.0,
            "diversity_attributes": [],
            "drop_near_duplicates": False,
            "value_model": "",
        }
    )
    assert (off.exploration_factor, off.diversity_factor, off.boosting_factor) == (0, 0, 0)
    assert (off.diversity_attributes, off.value_model, off.limit) == ((), None, 25)
    assert off.drop_near_duplicates is False


def test_a_retriever_is_switched_off_by_false():
    settings = read({"retriever_k_override": {"knn": False}})
    assert (settings.size_of("knn", 300), settings.size_of("toplist", 300)) == (0, 50)


def test_size_is_that_of_the_override_else_of_all_retrievers_else_the_default():
    assert MODEL.size_of("knn", 300) == 100
    assert MODEL.size_of("trending", 300) == 50
    assert Inference().size_of("trending", 300) == 300


def test_retriever_that_is_off_by_default_is_on_only_where_it_is_named():
    assert Inference(retrieval_k=50).size_of("random", 0) == 0
    assert MODEL.size_of("random", 0) == 5


def test_numbers_of_numpy_are_numbers_and_a_seed_of_zero_is_a_seed():
    read_ = read({"limit": np.int64(3), "diversity_factor": np.float32(0.5), "seed": 0})
    assert (read_.limit, read_.diversity_factor, read_.seed) == (3, 0.5, 0)


def test_one_attribute_may_stand_alone_and_none_counts_twice():
    assert read({"diversity_attributes": "brand"}).diversity_attributes == ("brand",)
    twice = read({"diversity_attributes": ["brand", "category", "brand"]})
    assert twice.diversity_attributes == ("brand", "category")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"diversity_factr": 1}, r"'config.diversity_factr'.*Did you mean 'diversity_factor'"),
        (
            {"retriever_k_override": {"kn": 1}},
            r"'config.retriever_k_override.kn'.*Did you mean 'knn'",
        ),
        ({"exploration_factor": 1.5}, "exploration_factor must be a number of at least 0 and at"),
        ({"boosting_factor": -0.1}, "boosting_factor must be a number"),
        ({"diversity_factor": float("nan")}, "diversity_factor must be a number"),
        ({"diversity_factor": "0,"}, "diversity_factor must be a number"),
        ({"diversity_factor": True}, "diversity_factor must be a number"),
        ({"limit": -1}, "limit must be a whole number of at least 0, not -1"),
        ({"limit": 2.5}, "limit must be a whole number"),
        ({"limit": 10**400}, "limit must be a whole number"),
        ({"limit": 2**63}, "limit must be a whole number"),
        ({"retrieval_k": "50"}, "retrieval_k must be a whole number"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"retriever_k_override": [1]}, "must map retrievers to sizes"),
        ({"retriever_k_override": {"knn": True}}, "knn must be a whole number"),
        ({"retriever_k_override": {"knn": -1}}, "knn must be a whole number"),
        ({"diversity_attributes": [3]}, "must list columns"),
        ({"diversity_attributes": [" "]}, "must list columns"),
        ({"diversity_attributes": {"a": 1}}, "must list columns"),
        ({"drop_near_duplicates": 1}, "config.drop_near_duplicates must be true or false, not 1"),
        ({"drop_near_duplicates": "yes"}, "must be true or false, not 'yes'"),
        ({"value_model": 3}, "must be an expression"),
        ([], "config must be a mapping"),
    ],
)
def test_what_cannot_be_a_setting_is_refused_by_name(settings, message):
    with pytest.raises(ConfigError, match=message):
        read(settings)


@pytest.mark.parametrize("where", ["config", "model.inference_config"])
def test_key_of_shaped_s_that_is_not_built_is_refused_by_name(where):
    key = "filter_interaction_iids"
    with pytest.raises(UnsupportedError, match=f"{where}.{key}.*not built yet"):
        read_inference({key: 0.7}, Inference(), where)


@pytest.mark.parametrize("weight", [0, 0.25, 1])
def test_what_meaning_counts_for_is_any_share_and_seven_tenths_unless_said(weight):
    assert Inference().text_semantic_search_weight == 0.7
    told = {"text_semantic_search_weight": weight}
    assert read(told).text_semantic_search_weight == weight


@pytest.mark.parametrize("weight", [-0.1, 1.01, 7, "0.5", True, float("nan"), [0.5]])
def test_what_is_no_share_cannot_be_what_meaning_counts_for(weight):
    with pytest.raises(ConfigError, match=r"config\.text_semantic_search_weight must be"):
        read({"text_semantic_search_weight": weight})
