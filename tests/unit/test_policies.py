import pytest
from sightline.errors import ConfigError, UnsupportedError
from sightline.policies import (
    EmbeddingPolicy,
    LightGbm,
    Policies,
    ScoringPolicy,
    read_policies,
)


def scoring(**settings):
    return read_policies({"scoring_policy": settings}).scoring


def embedding(**settings):
    return read_policies({"embedding_policy": settings}).embedding


@pytest.mark.parametrize(
    "value", [None, {}, {"scoring_policy": None, "embedding_policy": {}}, {"scoring_policy": {}}]
)
def test_default_is_an_ensemble_over_the_model_that_is_found_best(value):
    assert read_policies(value) == Policies()
    assert Policies().scoring.policy_type == "score-ensemble"
    assert Policies().embedding.policy_type == "auto-tune"


def test_shaped_s_own_example_is_read():
    policies = read_policies(
        {
            "embedding_policy": {
                "policy_type": "item-content-similarity",
                "pool_fn": "mean",
                "text_encoding": True,
            },
            "scoring_policy": {
                "policy_type": "lightgbm",
                "objective": "lambdarank",
                "n_estimators": 1000,
                "learning_rate": 0.05,
            },
        }
    )
    assert policies.embedding == EmbeddingPolicy("item-content-similarity")
    assert policies.scoring == ScoringPolicy(
        "lightgbm", LightGbm("lambdarank", n_estimators=1000, learning_rate=0.05)
    )


def test_every_setting_of_lightgbm_is_read():
    settings = {
        "objective": "Binary",
        "event_values": ["buy", "cart", "buy"],
        "n_estimators": 50.0,
        "max_depth": -1,
        "num_leaves": 63,
        "min_child_weight": 0,
        "learning_rate": 0.1,
        "colsample_bytree": 1,
        "subsample": 0.5,
        "subsample_freq": 1,
        "lambdarank_truncation_level": 20,
        "zero_as_missing": True,
        "calibrate": None,
    }
    read = scoring(policy_type="lightgbm", **settings).lightgbm
    assert read == LightGbm(
        objective="binary",
        event_values=("buy", "cart"),
        n_estimators=50,
        max_depth=-1,
        num_leaves=63,
        min_child_weight=0.0,
        learning_rate=0.1,
        colsample_bytree=1.0,
        subsample=0.5,
        subsample_freq=1,
        lambdarank_truncation_level=20,
        zero_as_missing=True,
    )


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("LightGBM", "lightgbm"),
        ("SCORE-ENSEMBLE", "score-ensemble"),
        ("rising-popularity", "rising"),
        ("Rising-Popular", "rising"),
        ("No-Op", "no-op"),
    ],
)
def test_case_and_shaped_s_spellings_of_a_scoring_policy_do_not_matter(written, kind):
    assert scoring(policy_type=written).policy_type == kind


@pytest.mark.parametrize("written", ["EASE", "als", "Item-Item", "auto-tune", "no-op"])
def test_case_of_an_embedding_policy_does_not_matter(written):
    assert embedding(policy_type=written).policy_type == written.lower()


@pytest.mark.parametrize(
    "name", ["xgboost", "wide-deep", "deepfm", "SASRec", "BERT4Rec", "chronological", "ALS"]
)
def test_scoring_policy_that_is_not_built_is_refused_with_those_that_are(name):
    supported = "score-ensemble, lightgbm, popular, rising, random, no-op"
    with pytest.raises(UnsupportedError, match=f"{name!r} is not built.*{supported}$"):
        scoring(policy_type=name)


@pytest.mark.parametrize(
    "name",
    ["SVD", "ELSA", "two-tower", "beeFormer", "Item2Vec", "SASRec", "GSASRec", "ngram", "lightgbm"],
)
def test_embedding_policy_that_is_not_built_is_refused_with_those_that_are(name):
    supported = "auto-tune, ease, als, item-item, item-content-similarity, no-op"
    with pytest.raises(UnsupportedError, match=f"{name!r} is not built.*{supported}$"):
        embedding(policy_type=name)


def test_misspelt_policy_is_answered_with_the_nearest():
    with pytest.raises(UnsupportedError, match="Did you mean 'lightgbm'"):
        scoring(policy_type="lihgtgbm")


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "poisson"},
        {"objective": 3},
        {"event_values": [1]},
        {"event_values": {"buy": 1}},
        {"n_estimators": 0},
        {"n_estimators": 1.5},
        {"n_estimators": True},
        {"max_depth": -2},
        {"num_leaves": 1},
        {"num_leaves": 131_073},
        {"min_child_weight": -1},
        {"learning_rate": 0},
        {"learning_rate": float("inf")},
        {"colsample_bytree": 0},
        {"subsample": 1.01},
        {"subsample_freq": -1},
        {"zero_as_missing": "yes"},
        {"lambdarank_truncation_level": 0},
        {"calibrate": 1},
    ],
)
def test_value_out_of_range_is_a_config_error_that_names_the_key(settings):
    with pytest.raises(ConfigError, match=f"scoring_policy.{next(iter(settings))} must"):
        scoring(policy_type="lightgbm", **settings)


def test_unknown_key_is_an_error_that_names_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'num_leaves'"):
        scoring(policy_type="lightgbm", num_leafs=3)
    with pytest.raises(ConfigError, match="Did you mean 'scoring_policy'"):
        read_policies({"scorin_policy": {}})
    with pytest.raises(ConfigError, match="pool_fn"):
        embedding(policy_type="EASE", pool_fn="mean")


def test_setting_of_lightgbm_without_it_says_whose_it_is():
    with pytest.raises(ConfigError, match="n_estimators is a setting of policy_type lightgbm"):
        scoring(n_estimators=10)


@pytest.mark.parametrize(
    "settings", [{"pool_fn": "max"}, {"distance_fn": "dot"}, {"text_encoding": False}]
)
def test_other_content_similarity_than_ours_is_refused(settings):
    with pytest.raises(UnsupportedError, match=f"{next(iter(settings))}.*not built"):
        embedding(policy_type="item-content-similarity", **settings)


def test_window_of_popularity_is_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"time_window_in_days.*interaction_expiration_days"):
        scoring(policy_type="popular", time_window_in_days=30)


@pytest.mark.parametrize("value", ["lightgbm", [{"policy_type": "lightgbm"}], 3])
def test_policy_that_is_no_mapping_is_a_config_error(value):
    with pytest.raises(ConfigError, match="must be a mapping"):
        read_policies({"scoring_policy": value})
    with pytest.raises(ConfigError, match="must be a mapping"):
        read_policies(value)
