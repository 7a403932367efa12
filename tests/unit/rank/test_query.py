import pytest
from sightline.errors import ConfigError, UnsupportedError
from sightline.inference import Inference
from sightline.rank.query import Query, read_batch_query, read_plain_query, read_query

MODEL = Inference(limit=25, diversity_factor=0.2, exploration_factor=0.1)


def test_query_without_options_is_answered_as_the_model_says():
    assert read_query({}, inference=MODEL) == Query(25, inference=MODEL)


def test_config_wins_over_the_model_key_by_key():
    inference = read_query({"config": {"diversity_factor": 0.9}}, inference=MODEL).inference
    assert (inference.diversity_factor, inference.exploration_factor) == (0.9, 0.1)


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({"limit": 3, "config": {"limit": 4}}, 3),
        ({"limit": None, "config": {"limit": 4}}, 4),
        ({"config": {"limit": 0}}, 25),
        ({"config": None}, 25),
    ],
)
def test_limit_is_the_option_s_else_the_config_s_else_the_model_s(options, limit):
    query = read_query(options, inference=MODEL)
    assert (query.limit, query.inference.limit) == (limit, limit)


def test_default_limit_takes_the_place_of_the_model_s():
    assert read_query({}, 1_000).limit == 1_000
    assert read_query({"limit": 3}, default_limit=1_000).limit == 3


def test_features_of_a_person_are_kept_without_those_that_are_null():
    features = {"age": 30, "interests": ["art"], "country": None}
    query = read_query({"user_features": features})
    assert query.user_features == {"age": 30, "interests": ["art"]}
    assert read_query({"user_features": None}).user_features == {}


@pytest.mark.parametrize("features", [["age"], "age", {3: 1}, 0])
def test_features_that_are_no_mapping_of_names_are_a_value_error(features):
    with pytest.raises(ValueError, match="user_features must map"):
        read_query({"user_features": features})


@pytest.mark.parametrize("config", [{"limit": -1}, {"diversty_factor": 0.1}, ["limit"]])
def test_config_that_cannot_be_is_a_value_error_too(config):
    with pytest.raises(ConfigError, match="config"):
        read_query({"config": config})
    with pytest.raises(ValueError, match="config"):
        read_query({"config": config})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"text_query": "red"}, "text_query"),
        ({"item_features": {"price": 3}}, "item_features"),
        ({"config": {"filter_interaction_iids": True}}, "filter_interaction_iids"),
    ],
)
def test_option_that_is_not_built_is_refused_by_name_unless_it_is_off(options, named):
    with pytest.raises(UnsupportedError, match=f"{named}.*cannot be honoured"):
        read_query(options)
    off = {key: {} if key == "config" else None for key in options}
    assert read_query(off) == Query(10)


@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "5"])
def test_limit_that_is_no_positive_whole_number_is_a_value_error(limit):
    with pytest.raises(ValueError, match="at least 1"):
        read_query({"limit": limit})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"user_features": {"age": 3}}, "user_features"),
        ({"flush_paginations": True}, "flush_paginations"),
        ({"ignore_paginations": True}, "ignore_paginations"),
        ({"config": {"diversity_factor": 0.5}}, "config.diversity_factor"),
        ({"config": {"limit": 3, "value_model": "score"}}, "config.value_model"),
    ],
)
def test_what_only_rank_can_honour_is_refused_elsewhere(options, named):
    with pytest.raises(UnsupportedError, match=f"{named} cannot be honoured by retrieve"):
        read_plain_query(options, Inference(), "retrieve")


def test_elsewhere_a_limit_is_honoured_and_the_model_s_own_settings_are_no_request():
    usual = Inference(limit=7, diversity_factor=0.5)
    assert read_plain_query({}, usual, "retrieve").limit == 7
    assert read_plain_query({"config": {"limit": 3}}, usual, "retrieve").limit == 3


def test_pages_are_left_alone_unless_a_request_says_otherwise():
    usual = read_query({"ignore_paginations": None})
    assert not usual.ignore_paginations
    assert not usual.flush_paginations
    asked = read_query({"ignore_paginations": True, "flush_paginations": True})
    assert asked.ignore_paginations
    assert asked.flush_paginations


def test_page_option_that_is_neither_true_nor_false_is_a_value_error():
    with pytest.raises(ValueError, match="flush_paginations must be true or false, not 'no'"):
        read_query({"flush_paginations": "no"})


def test_answers_to_many_people_leave_pages_alone_and_say_so_of_a_flush():
    assert read_batch_query({}, Inference()).ignore_paginations
    with pytest.raises(
        UnsupportedError, match="flush_paginations cannot be honoured by rank_batch"
    ):
        read_batch_query({"flush_paginations": True}, Inference())
