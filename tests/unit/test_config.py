import textwrap

import pytest
from post import BLOG_YAML
from sightline.config import load_config, load_dataset
from sightline.errors import ConfigError, UnsupportedError
from sightline.inference import Inference
from sightline.policies import EmbeddingPolicy, Policies, ScoringPolicy

MINIMAL = {
    "model": {"name": "shop"},
    "connectors": [{"id": "items_source", "path": "items.csv"}],
    "fetch": {"items": "SELECT * FROM items_source"},
}


def changed(**sections):
    document = {
        name: dict(value) if isinstance(value, dict) else value for name, value in MINIMAL.items()
    }
    for name, value in sections.items():
        if isinstance(value, dict):
            document[name] = {**document.get(name, {}), **value}
        else:
            document[name] = value
    return document


@pytest.fixture
def blog_file(tmp_path):
    path = tmp_path / "automatic_image_model.yaml"
    path.write_text(BLOG_YAML)
    return path


def test_the_post_s_own_yaml_loads_unchanged(blog_file):
    config = load_config(blog_file)
    assert config.name == "auto_image_recs"
    assert [(c.id, c.type) for c in config.connectors] == [
        ("items_source", "database"),
        ("events_source", "event_stream"),
    ]
    assert "# <-- Just include the image URL field" in config.fetch.items
    assert "event_timestamp" in config.fetch.events


def test_paths_are_relative_to_the_folder_of_the_file(blog_file):
    assert load_config(blog_file).base_dir == blog_file.parent


def test_defaults_are_those_the_readme_states():
    config = load_config(MINIMAL)
    assert (config.encoder, config.limit, config.fetch.events) == (None, 10, None)
    assert (config.inference, config.policies) == (Inference(), Policies())
    assert (config.fetch.pairs, config.interaction_half_life_days) == (None, None)


@pytest.mark.parametrize(
    ("section", "key", "nearest"),
    [
        ("model", "langauge_model_name", "language_model_name"),
        ("fetch", "event", "events"),
        ("model", "polcy_configs", "policy_configs"),
    ],
)
def test_misspelt_key_is_an_error_that_names_the_nearest(section, key, nearest):
    with pytest.raises(ConfigError, match=f"{section}.{key}.*Did you mean '{nearest}'"):
        load_config(changed(**{section: {key: "x"}}))


def test_unknown_key_with_no_neighbour_lists_the_known_ones():
    with pytest.raises(ConfigError, match="Known keys here: connectors, fetch, model"):
        load_config({**MINIMAL, "zzz": 1})


@pytest.mark.parametrize(
    ("section", "entries", "named"),
    [
        (
            "model",
            {"policy_configs": {"scoring_policy": {"policy_type": "xgboost"}}},
            "policy_configs",
        ),
        (
            "model",
            {"inference_config": {"filter_interaction_iids": True}},
            "filter_interaction_iids",
        ),
        ("model", {"train_schedule": "@daily"}, "train_schedule"),
        ("model", {"vector_index": False}, "vector_index"),
    ],
)
def test_key_of_the_surface_that_is_not_built_is_refused_by_name(section, entries, named):
    with pytest.raises(UnsupportedError, match=named):
        load_config(changed(**{section: entries}))


@pytest.mark.parametrize(("given", "seconds"), [(3600, 3600), (0.5, 0.5), (0, 0), (None, 0)])
def test_pages_are_kept_for_as_long_as_the_model_says_and_else_not_at_all(given, seconds):
    assert (
        load_config(changed(model={"pagination_store_ttl": given})).pagination_store_ttl == seconds
    )
    assert load_config(MINIMAL).pagination_store_ttl == 0


@pytest.mark.parametrize("ttl", [-1, "1h", True, float("inf")])
def test_time_to_live_of_pages_that_is_no_number_of_seconds_is_an_error(ttl):
    with pytest.raises(ConfigError, match=r"model\.pagination_store_ttl must be a number"):
        load_config(changed(model={"pagination_store_ttl": ttl}))


def test_v2_file_is_refused_as_v2():
    with pytest.raises(UnsupportedError, match="v2"):
        load_config({"version": "v2", **MINIMAL})


def test_neutral_values_of_unbuilt_keys_mean_off_and_pass():
    inference = {"exploration_factor": 0, "retriever_k_override": {"knn": 0}, "limit": 25}
    assert load_config(changed(model={"inference_config": inference})).limit == 25


def test_template_of_zeros_that_shaped_prints_changes_nothing():
    template = {
        **dict.fromkeys(("exploration_factor", "diversity_factor", "boosting_factor"), 0),
        "diversity_attributes": [],
        "retrieval_k": 0,
        "retriever_k_override": dict.fromkeys(("knn", "chronological", "toplist", "random"), 0),
        "limit": 0,
    }
    assert load_config(changed(model={"inference_config": template})).inference == Inference()


def test_settings_of_ranking_policies_and_pairs_are_read():
    config = load_config(
        changed(
            model={
                "inference_config": {"limit": 25, "diversity_factor": 0.3},
                "policy_configs": {
                    "scoring_policy": {"policy_type": "popular"},
                    "embedding_policy": {"policy_type": "EASE"},
                },
                "interaction_half_life_days": 30,
            },
            fetch={"pairs": "SELECT * FROM judged"},
        )
    )
    assert config.inference == Inference(limit=25, diversity_factor=0.3)
    assert config.policies == Policies(ScoringPolicy("popular"), EmbeddingPolicy("ease"))
    assert (config.interaction_half_life_days, config.fetch.pairs) == (30.0, "SELECT * FROM judged")


def test_schema_override_is_read_as_shaped_writes_it():
    override = {
        "item": {
            "id": "sku",
            "created_at": "born",
            "features": [{"name": "poster", "type": "Image"}],
        },
        "interaction": {"user_id": "who", "label": "liked"},
    }
    schema = load_config(changed(model={"schema_override": override})).schema
    assert (schema.item.id, schema.item.features) == ("sku", {"poster": "Image"})
    assert (schema.interaction.user_id, schema.interaction.label) == ("who", "liked")


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"model": {"name": "x"}},
        changed(model={"name": ""}),
        changed(model={"name": 5}),
        changed(connectors=[]),
        changed(connectors="items.csv"),
        changed(connectors=[{"name": "no id"}]),
        changed(connectors=[{"id": "a"}, {"id": "a"}]),
        changed(connectors=[{"id": "a", "path": "x", "uri": "y"}]),
        changed(fetch={"items": "  "}),
        changed(model={"interaction_max_per_user": 1.5}),
        changed(model={"interaction_expiration_days": float("inf")}),
        changed(model={"interaction_max_per_user": True}),
        changed(model={"interaction_half_life_days": 0}),
        changed(model={"interaction_half_life_days": 10**400}),
        changed(model={"inference_config": {"limit": -1}}),
        changed(model={"inference_config": {"value_model": 3}}),
        changed(model={"policy_configs": ["lightgbm"]}),
        changed(fetch={"pairs": ["item_id"]}),
        changed(model={"schema_override": {"item": {"features": ["poster"]}}}),
    ],
)
def test_wrong_type_or_missing_part_is_a_config_error(document):
    with pytest.raises(ConfigError):
        load_config(document)


def test_hosted_connector_type_says_how_to_bring_the_data():
    with pytest.raises(UnsupportedError, match=r"BigQuery.*--connect"):
        load_config(changed(connectors=[{"id": "a", "type": "BigQuery"}]))


@pytest.mark.parametrize(
    "text", ["model: [", "- just\n- a list", "\x00", "a: !!python/object:os.system x"]
)
def test_file_that_is_not_a_model_yaml_is_a_config_error(tmp_path, text):
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"model\.yaml"):
        load_config(path)


def test_missing_file_is_a_config_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")


def test_dataset_yaml_is_read_as_shaped_writes_it(tmp_path):
    path = tmp_path / "dataset.yaml"
    path.write_text(
        textwrap.dedent("""
            name: clicks
            schema_type: CUSTOM
            column_schema:
              user_id: String
              at: DateTime
        """)
    )
    assert load_dataset(path) == ("clicks", {"user_id": "String", "at": "DateTime"})


def test_dataset_that_would_deduplicate_is_refused():
    with pytest.raises(UnsupportedError, match="unique_keys"):
        load_dataset({"name": "clicks", "unique_keys": ["id"]})


def test_aliases_that_would_fill_the_memory_are_refused(tmp_path):
    path = tmp_path / "bomb.yaml"
    path.write_text("a: &a [x, x]\nmodel: [*a, *a]\n")
    with pytest.raises(ConfigError, match="aliases"):
        load_config(path)


def test_key_that_stands_twice_is_refused_not_overwritten(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("model: {name: one, name: two}\n")
    with pytest.raises(ConfigError, match="'name' stands twice"):
        load_config(path)


def test_yaml_nested_beyond_reason_is_refused(tmp_path):
    path = tmp_path / "deep.yaml"
    path.write_text("[" * 100_000)
    with pytest.raises(ConfigError, match=r"deep\.yaml"):
        load_config(path)


def test_document_is_kept_as_json_values():
    document = load_config({**MINIMAL, "model": {"name": "shop", "description": "x"}}).document
    assert document["connectors"] == [{"id": "items_source", "path": "items.csv"}]


def test_filters_of_the_model_are_read():
    queries = {
        "global_filters": "SELECT item_id FROM sold_out",
        "personal_filters": "SELECT user_id, item_id FROM blocked",
    }
    fetch = load_config(changed(fetch=queries)).fetch
    assert (fetch.global_filters, fetch.personal_filters) == tuple(queries.values())
