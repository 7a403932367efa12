"""What people did, as a model learns it: built in, told of while it serves, and judged."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from sightline.cli import main
from sightline.errors import ConfigError, ModelNotFoundError, SchemaError, UnsupportedError
from sightline.snapshot import Snapshot
from sightline.store.generation import open_active
from small_shop import Shop

KINDS = ("shoe", "bag", "coat")
ITEMS, PEOPLE, PICKS, DIM = 60, 60, 8, 8
"""Item n is of kind n % 3 and looks like its kind; person n picks of kind n % 3 alone."""

YAML = """\
model:
  name: shop
  schema_override:
    item: {id: item_id, features: [{name: look, type: ImageVector}]}
connectors:
  - {id: items_source, path: items.parquet}
  - {id: events_source, path: events.csv}
  - {id: users_source, path: users.csv}
  - {id: pairs_source, path: pairs.csv}
fetch:
  items: SELECT * FROM items_source
  events: SELECT * FROM events_source
"""
PLAIN = YAML.replace("SELECT * FROM items", "SELECT * EXCLUDE look FROM items").replace(
    "    item: {id: item_id, features: [{name: look, type: ImageVector}]}\n",
    "    item: {id: item_id}\n",
)
"""The same without vectors: nothing to learn a taste from, which takes the most time."""
USERS = "  users: SELECT * FROM users_source\n"
PAIRS = "  pairs: SELECT * FROM pairs_source\n"


def write(folder):
    """Write items with vectors, events, users of whom the last five did nothing, and pairs."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    kinds = np.arange(ITEMS) % 3
    looks = 0.6 * rng.standard_normal((ITEMS, DIM))
    looks[np.arange(ITEMS), kinds] += 2
    items = {
        "item_id": [f"I{item}" for item in range(ITEMS)],
        "kind": [KINDS[kind] for kind in kinds],
        "price": 10.0 + np.arange(ITEMS),
        "look": pl.Series(looks.astype(np.float32), dtype=pl.Array(pl.Float32, DIM)),
    }
    pl.DataFrame(items).write_parquet(folder / "items.parquet")
    events = [
        {
            "user_id": f"U{person}",
            "item_id": f"I{item}",
            "event_type": "purchase" if pick % 2 else "click",
            "event_timestamp": f"2026-02-{1 + pick:02d}T{person % 24:02d}:00:00Z",
        }
        for person in range(PEOPLE)
        for pick, item in enumerate(
            rng.choice(np.flatnonzero(kinds == person % 3), PICKS, replace=False)
        )
    ]
    pl.DataFrame(events).write_csv(folder / "events.csv")
    users = range(PEOPLE + 5)
    pl.DataFrame(
        {
            "user_id": [f"U{person}" for person in users],
            "country": [("fr", "dk", "it")[person % 3] for person in users],
            "age": [20 + person for person in users],
        }
    ).write_csv(folder / "users.csv")
    pl.DataFrame(
        {
            "item_id": [f"I{item}" for item in range(0, 40, 2)],
            "other_item_id": [f"I{item + 3 - item % 4 // 2}" for item in range(0, 40, 2)],
            "same": ["same", "different"] * 10,
        }
    ).write_csv(folder / "pairs.csv")
    (folder / "model.yaml").write_text(YAML + USERS)


class Small(Shop):
    """A shop whose products of matrices are too small to be shared among threads."""

    def client(self, **arguments):
        return super().client(**{"threads": 1, **arguments})


def built(folder, *, yaml=None, threads=1) -> Small:
    write(folder / "shop")
    shop = Small(folder / "shop", folder / "home")
    if yaml is not None:
        shop.yaml.write_text(yaml)
    shop.client(threads=threads).create_model(shop.yaml, encoder="attributes")
    return shop


def with_model(extra):
    """The plain YAML with more lines in its section `model`."""
    return PLAIN.replace("  name: shop\n", f"  name: shop\n{extra}")


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> Small:
    """A model that tests only ask."""
    return built(tmp_path_factory.mktemp("asked"))


@pytest.fixture
def told(asked, tmp_path) -> Small:
    """A copy of it that tests may tell of events, judge, and build again."""
    shutil.copytree(asked.folder, tmp_path / "shop")
    shutil.copytree(asked.home, tmp_path / "home")
    return Small(tmp_path / "shop", tmp_path / "home")


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Small:
    """A model of items without vectors that tests judge, again and again."""
    return built(tmp_path_factory.mktemp("plain"), yaml=PLAIN)


PICKED_NOTHING = "has picked nothing yet: this is what people like them pick"


def kinds(ids):
    return [KINDS[int(item[1:]) % 3] for item in ids]


def picks(user, *items, event_type="purchase"):
    return [{"user_id": user, "item_id": item, "event_type": event_type} for item in items]


def manifest(shop):
    return open_active(shop.home / "models" / "shop").manifest


def answer(shop, *arguments, source=None):
    result = CliRunner().invoke(main, ["--home", str(shop.home), *arguments, "--json"], source)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


# Events that a model is told of.


def test_what_someone_does_changes_their_next_answer(told):
    client = told.client()
    before = client.rank("shop", "U0", limit=ITEMS).ids
    assert set(kinds(before[:5])) == {"shoe"}
    said = client.insert_events("shop", picks("U0", "I1", "I4", "I7", "I10"))
    after = client.rank("shop", "U0", limit=ITEMS).ids
    assert said == {"model_name": "shop", "inserted": 4}
    assert set(before) - set(after) == {"I1", "I4", "I7", "I10"}
    assert "bag" in kinds(after[:3])
    assert client.rank("shop", "U3", limit=5).ids == told.client().rank("shop", "U3", limit=5).ids


def test_a_stranger_is_known_from_their_first_event_on(told):
    client = told.client()
    assert "trending" in client.rank("shop", "NEW").notes[0]
    client.insert_events("shop", picks("NEW", "I2"))
    response = client.rank("shop", "NEW", limit=5)
    assert response.notes == []
    assert set(kinds(response.ids)) == {"coat"}
    assert "I2" not in response.ids


def test_an_event_about_an_item_turned_down_hides_it(told):
    client = told.client()
    first = client.rank("shop", "U0").ids[0]
    client.insert_events("shop", picks("U0", first, event_type="dislike"))
    assert first not in client.rank("shop", "U0", limit=ITEMS).ids


def test_what_was_told_outlives_the_client_and_is_heard_by_others(told):
    one, other = told.client(), told.client()
    before = other.rank("shop", "U0", limit=ITEMS).ids
    one.insert_events("shop", picks("U0", "I1", "I4"))
    told_of = one.rank("shop", "U0", limit=ITEMS)
    assert set(before) - set(told_of.ids) == {"I1", "I4"}
    assert other.rank("shop", "U0", limit=ITEMS).ids == told_of.ids
    assert told.client().rank("shop", "U0", limit=ITEMS).ids == told_of.ids
    assert "I1" in told.client().similar_items("shop", "I4", limit=ITEMS).ids


def test_the_next_build_reads_what_was_told(told):
    client = told.client()
    before = client.view_model("shop")["counts"]
    client.insert_events("shop", [*picks("U0", "I1"), *picks("NEW", "I2", "I5", "I8")])
    live = client.rank("shop", "U0", limit=ITEMS).ids
    view = client.update_model("shop")
    assert view["generation"] == 2
    assert view["counts"]["events"] == before["events"] + 4
    assert view["counts"]["users"] == before["users"] + 1
    assert any("inserted in place: 4" in note for note in view["tables"]["events"]["notes"])
    assert set(client.rank("shop", "U0", limit=ITEMS).ids) == set(live)
    assert set(kinds(client.rank("shop", "NEW", limit=5).ids)) == {"coat"}
    assert client.similar_users("shop", "NEW", limit=5).ids
    # Told of once, and counted once: the log goes on behind what the build has read.
    client.insert_events("shop", picks("U0", "I4"))
    assert set(live) - set(client.rank("shop", "U0", limit=ITEMS).ids) == {"I4"}


def test_an_event_about_an_unknown_item_waits_for_it(told):
    client = told.client()
    before = client.rank("shop", "U0", limit=ITEMS)
    client.insert_events("shop", picks("U0", "LATER"))
    after = client.rank("shop", "U0", limit=ITEMS)
    assert (after.ids, after.scores) == (before.ids, before.scores)
    items = pl.read_parquet(told.folder / "items.parquet")
    later = items.filter(pl.col("item_id") == "I1").with_columns(item_id=pl.lit("LATER"))
    pl.concat([items, later]).write_parquet(told.folder / "items.parquet")
    view = client.update_model(definition=told.yaml, encoder="attributes")
    assert view["counts"]["items"] == ITEMS + 1
    assert "LATER" not in client.rank("shop", "U0", limit=ITEMS).ids
    assert "LATER" in client.rank("shop", "U1", limit=ITEMS).ids


@pytest.mark.parametrize(
    "bad",
    [
        {"item_id": "I1"},
        {"user_id": "U0"},
        {"user_id": "U0", "item_id": "I1", "label": "yes"},
        {"user_id": "U0", "item_id": "I1", "colour": "red"},
        {"user_id": "U0", "item_id": "I1", "created_at": "someday"},
    ],
    ids=str,
)
def test_of_events_one_of_which_cannot_be_read_none_is_inserted(told, bad):
    client = told.client()
    before = client.rank("shop", "U0", limit=ITEMS).ids
    with pytest.raises(ValueError, match="event 1"):
        client.insert_events("shop", [*picks("U0", "I1"), bad])
    assert client.rank("shop", "U0", limit=ITEMS).ids == before


def test_a_model_that_does_not_exist_is_told_nothing(told):
    with pytest.raises(ModelNotFoundError, match="models here: shop"):
        told.client().insert_events("shpo", picks("U0", "I1"))


def test_events_are_told_on_the_command_line(told):
    lines = "\n".join(map(json.dumps, picks("U0", "I1", "I4")))
    path = told.folder / "new.jsonl"
    path.write_text(f"\ufeff{lines}\n\n", encoding="utf-8")
    command = ("insert-events", "--model-name", "shop")
    assert answer(told, *command, "--file", str(path)) == {"model_name": "shop", "inserted": 2}
    assert answer(told, *command, source=json.dumps(picks("U0", "I7")[0]))["inserted"] == 1
    shown = CliRunner().invoke(main, ["--home", str(told.home), *command], lines)
    assert shown.stdout == "inserted 2 events into shop\n"
    assert answer(told, *command, source="\n")["inserted"] == 0
    ids = answer(told, "rank", "--model-name", "shop", "--user-id", "U0", "--limit", "60")["ids"]
    assert not {"I1", "I4", "I7"} & set(ids)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (b'{"user_id": "U0"}', "event 0 has no item_id"),
        (b'{"user_id": "U0", "item_id": "I1"}\nnonsense', "line 2 is not JSON"),
        (b"\n3", "line 2 must be an event"),
        (b"null", "line 1 must be an event"),
        (b'[{"user_id": "U0", "item_id": "I1"}]', "line 1 must be an event"),
        (b"\xff\xfe", "not UTF-8"),
    ],
    ids=str,
)
def test_events_that_cannot_be_read_are_one_line_on_the_command_line(told, source, said):
    arguments = ["--home", str(told.home), "insert-events", "--model-name", "shop"]
    result = CliRunner().invoke(main, arguments, source)
    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert not (told.home / "models" / "shop" / "events.jsonl").exists()


# Many people at once.


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"limit": 3, "filter_predicate": "kind = 'bag'"},
        {"config": {"diversity_factor": 0.5, "exploration_factor": 0.5, "seed": 7}},
        {"explain": True, "return_metadata": True},
    ],
    ids=str,
)
def test_a_batch_is_what_each_of_its_people_is_answered_alone(asked, options):
    client = asked.client()
    people = ["U0", "U7", "nobody", "U61", "U0"]
    together = client.rank_batch("shop", people, **options)
    alone = [
        client.rank("shop", person, **{"return_metadata": False, **options}) for person in people
    ]
    assert [dict(response) for response in together] == [dict(response) for response in alone]


def test_a_batch_has_no_metadata_unless_asked_and_may_be_empty(asked):
    client = asked.client()
    assert "metadata" not in client.rank_batch("shop", ["U0"])[0]
    assert client.rank_batch("shop", []) == []
    with pytest.raises(TypeError, match="list of ids"):
        client.rank_batch("shop", "U0")


def test_a_batch_hears_of_new_events(told):
    client = told.client()
    client.insert_events("shop", picks("U0", "I1"))
    assert client.rank_batch("shop", ["U0"], limit=ITEMS)[0].ids == (
        client.rank("shop", "U0", limit=ITEMS).ids
    )
    assert "I1" not in client.rank_batch("shop", ["U0"], limit=ITEMS)[0].ids


# People without a history.


@pytest.mark.parametrize(("country", "kind"), [("fr", "shoe"), ("dk", "bag"), ("it", "coat")])
def test_features_of_someone_without_a_history_say_what_their_like_pick(asked, country, kind):
    response = asked.client().rank("shop", "nobody", user_features={"country": country}, limit=6)
    assert set(kinds(response.ids)) == {kind}
    assert response.notes == [
        "user 'nobody' has picked nothing yet: this is what people like them pick"
    ]


def test_features_speak_for_someone_without_a_name(asked):
    response = asked.client().rank("shop", user_features={"country": "dk"}, limit=6)
    assert set(kinds(response.ids)) == {"bag"}
    assert response.notes == ["no user was given: this is what people like them pick"]


def test_someone_of_fetch_users_who_did_nothing_is_ranked_for_by_their_features(asked):
    response = asked.client().rank("shop", "U61", limit=6)
    assert set(kinds(response.ids)) == {"bag"}
    assert "what people like them pick" in response.notes[0]
    assert asked.client().view_model("shop")["counts"]["users"] == PEOPLE


def test_features_that_are_not_understood_are_told_and_what_is_trending_is_shown(asked):
    response = asked.client().rank("shop", "nobody", user_features={"shoe_size": 44})
    assert "shoe_size" in response.notes[0]
    assert "trending" in response.notes[1]
    assert len(response.ids) == 10


def test_features_do_not_outweigh_a_history(asked):
    client = asked.client()
    plain = client.rank("shop", "U0")
    featured = client.rank("shop", "U0", user_features={"country": "dk"})
    assert (featured.ids, featured.notes) == (plain.ids, plain.notes)


def test_what_a_newcomer_is_shown_keeps_to_the_filter_and_to_the_items_named(asked):
    client = asked.client()
    features = {"country": "dk"}
    filtered = client.rank(
        "shop", "nobody", user_features=features, filter_predicate="price < 20", limit=ITEMS
    )
    assert len(filtered.ids) == 10
    assert set(kinds(filtered.ids[:3])) == {"bag"}
    named = client.rank("shop", "nobody", user_features=features, item_ids=["I0", "I1", "I2"])
    assert named.ids[0] == "I1"
    assert len(named.ids) == 3


def test_once_a_newcomer_picked_something_that_speaks_for_them(told):
    client = told.client()
    client.insert_events("shop", picks("U61", "I0"))
    response = client.rank("shop", "U61", limit=3)
    assert set(kinds(response.ids)) == {"shoe"}
    assert response.notes == []


# The JSON options of `rank`.


def test_rank_takes_features_session_and_settings_as_json(asked):
    client = asked.client()
    model = ("rank", "--model-name", "shop")
    features = answer(asked, *model, "--user-features", '{"country": "dk"}')
    assert features["ids"] == client.rank("shop", user_features={"country": "dk"}).ids
    session = answer(asked, *model, "--interactions", '[{"item_id": "I2", "label": 1}]')
    assert session["ids"] == client.rank("shop", interactions=[{"item_id": "I2"}]).ids
    settings = answer(asked, *model, "--user-id", "U0", "--config", '{"limit": 3}')
    assert settings["ids"] == client.rank("shop", "U0", limit=3).ids


@pytest.mark.parametrize(
    ("option", "value", "said", "exit_code"),
    [
        ("--interactions", "[", "is not JSON", 2),
        ("--interactions", '{"item_id": "I1"}', "must be a list such as", 2),
        ("--interactions", '["I1"]', "must be a list such as", 2),
        ("--interactions", "0", "must be a list such as", 2),
        ("--interactions", '[{"id": "I1"}]', "interactions must be like", 2),
        ("--user-features", '["dk"]', "user_features must map", 2),
        ("--user-features", "30", "user_features must map", 2),
        ("--config", "[]", "config must be a mapping", 1),
        ("--config", '{"diversty_factor": 1}', "'diversity_factor'", 1),
        ("--config", '{"diversity_factor": 2}', "at most 1", 1),
    ],
)
def test_json_that_says_something_else_is_one_line(asked, option, value, said, exit_code):
    arguments = ["--home", str(asked.home), "rank", "--model-name", "shop", option, value]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == exit_code
    assert said in result.stderr
    assert "Traceback" not in result.output


# Pairs that somebody judged.


def test_pairs_are_read_and_counted(tmp_path):
    shop = built(tmp_path, yaml=YAML + USERS + PAIRS)
    view = shop.client().view_model("shop")
    assert view["tables"]["pairs"]["kept"] == 20
    assert "pairs_same.npy" in manifest(shop)["files"]
    assert set(kinds(shop.client().rank("shop", "U0", limit=5).ids)) == {"shoe"}


def test_pairs_of_items_that_do_not_exist_are_an_error(told):
    told.yaml.write_text(YAML + PAIRS)
    (told.folder / "pairs.csv").write_text("item_id,other_item_id\nx,y\n")
    with pytest.raises(SchemaError, match=r"none of the 1 rows of fetch\.pairs can be used"):
        told.client().update_model(definition=told.yaml)


# Scoring policies.


def policy(kind):
    return with_model(f"  policy_configs: {{scoring_policy: {{policy_type: {kind}}}}}\n")


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("popular", {"popularity"}),
        ("rising", {"trend"}),
        ("random", {"random"}),
        ("no-op", {"picked_together"}),
        ("score-ensemble", {"picked_together", "category"}),
    ],
)
def test_every_policy_builds_and_ranks(tmp_path, kind, parts):
    shop = built(tmp_path, yaml=policy(kind))
    assert manifest(shop)["policy"]["policy_type"] == kind
    response = shop.client().rank("shop", "U0", limit=ITEMS, explain=True)
    assert len(response.ids) == ITEMS - PICKS
    assert parts <= set(response.explanation["score"]["scoring_policy_scores"])
    assert shop.client().view_model("shop")["metrics"]["personal"]["users"] > 0


def test_lightgbm_builds_ranks_and_explains(tmp_path):
    pytest.importorskip("lightgbm", reason="the extra `lightgbm` is not installed")
    shop = built(tmp_path, yaml=policy("lightgbm, n_estimators: 20"))
    assert manifest(shop)["policy"]["policy_type"] == "lightgbm"
    response = shop.client().rank("shop", "U0", limit=5, explain=True)
    assert set(kinds(response.ids)) == {"shoe"}
    parts = response.explanation["score"]["scoring_policy_scores"]
    assert {"picked_together", "taste", "price"} <= set(parts)
    assert shop.client().rank("shop", "U0", limit=5).ids == response.ids


def test_random_is_repeatable_with_a_seed_and_another_without(tmp_path):
    client = built(tmp_path, yaml=policy("random")).client()
    seeded = [client.rank("shop", "U0", config={"seed": 3}, limit=ITEMS).ids for _ in range(2)]
    assert seeded[0] == seeded[1]
    assert client.rank("shop", "U0", limit=ITEMS).ids != client.rank("shop", "U0", limit=ITEMS).ids


def test_an_unsupported_policy_is_refused_with_those_there_are(told):
    told.yaml.write_text(policy("bert4rec"))
    with pytest.raises(UnsupportedError, match="score-ensemble, lightgbm, popular, rising"):
        told.client().update_model(definition=told.yaml)
    result = told.run("update-model", "--file", "model.yaml", check=False)
    assert result.returncode == 1
    assert "'bert4rec' is not built" in result.stderr
    assert told.client().view_model("shop")["generation"] == 1


@pytest.mark.parametrize(
    ("kind", "method"), [("als", "ALS"), ("item-item", "item-item"), ("no-op", "none")]
)
def test_the_collaborative_model_is_the_one_asked_for(tmp_path, kind, method):
    extra = f"  policy_configs: {{embedding_policy: {{policy_type: {kind}}}}}\n"
    shop = built(tmp_path, yaml=with_model(extra))
    assert manifest(shop)["learned"]["collaborative"] == method
    assert set(kinds(shop.client().rank("shop", "U0", limit=5).ids)) == {"shoe"}


def test_weights_are_learned_and_kept_with_the_model(asked):
    kept = manifest(asked)["policy"]
    assert kept["learned"]
    assert sum(kept["weights"].values()) == pytest.approx(1)
    assert min(kept["weights"].values()) >= 0
    assert kept["lists"] == PEOPLE


def test_building_twice_teaches_the_same_whatever_the_threads(asked, tmp_path):
    again = built(tmp_path, threads=2)
    one, other = manifest(asked), manifest(again)
    assert one["policy"] == other["policy"]
    assert one["learned"] == other["learned"]
    assert one["metrics"] == other["metrics"]
    assert one["files"] == other["files"]  # with their hashes
    people = [f"U{person}" for person in range(5)]
    for mine, theirs in zip(
        asked.client().rank_batch("shop", people),
        again.client().rank_batch("shop", people),
        strict=True,
    ):
        assert (mine.ids, mine.scores) == (theirs.ids, theirs.scores)


# How an answer is made, by the model's settings and by the request's.


@pytest.fixture(scope="module")
def settled(tmp_path_factory) -> Small:
    """A model with settings of its own."""
    settings = "{limit: 6, diversity_attributes: [kind], value_model: item.price}"
    yaml = with_model(f"  inference_config: {settings}\n")
    return built(tmp_path_factory.mktemp("settled"), yaml=yaml)


def test_the_model_s_settings_hold_where_the_request_says_nothing(settled):
    response = settled.client().rank("shop", "U0")
    assert len(response.ids) == 6
    assert all(len(set(kinds(response.ids[at : at + 3]))) == 3 for at in (0, 3))
    assert response.scores[0] == max(response.scores) == 10 + int(response.ids[0][1:])


def test_the_request_has_the_last_word_key_by_key(settled):
    client = settled.client()
    response = client.rank("shop", "U0", config={"diversity_attributes": [], "limit": 4})
    prices = [record["price"] for record in response.metadata]
    assert len(prices) == 4
    assert prices == sorted(prices, reverse=True)
    by_policy = client.rank("shop", "U0", config={"diversity_attributes": [], "value_model": ""})
    assert len(by_policy.ids) == 6
    assert set(kinds(by_policy.ids)) == {"shoe"}
    assert len(client.rank("shop", "U0", limit=2, config={"limit": 4}).ids) == 2


def test_a_value_model_may_weigh_signals_and_columns(asked):
    client = asked.client()
    usual = client.rank("shop", "U0", limit=ITEMS)
    dear = client.rank("shop", "U0", limit=ITEMS, config={"value_model": "score * item.price"})
    assert set(dear.ids) == set(usual.ids)
    scores = dict(zip(usual.ids, usual.scores, strict=True))
    expected = {item: score * (10 + int(item[1:])) for item, score in scores.items()}
    found = dict(zip(dear.ids, dear.scores, strict=True))
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert dear.scores == sorted(dear.scores, reverse=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"value_model": "item.prize"}, "'prize'"),
        ({"value_model": "__import__('os')"}, "value_model"),
        ({"diversity_attributes": ["colour"]}, "'colour'"),
    ],
    ids=str,
)
def test_settings_that_name_what_there_is_not_are_refused(asked, settings, said):
    with pytest.raises(ConfigError, match=said):
        asked.client().rank("shop", "U0", config=settings)


def test_values_of_diversity_attributes_alternate(asked):
    client = asked.client()
    usual = client.rank("shop", "U0", limit=6)
    assert set(kinds(usual.ids)) == {"shoe"}
    varied = client.rank("shop", "U0", limit=6, config={"diversity_attributes": ["kind"]})
    assert all(len(set(kinds(varied.ids[at : at + 3]))) == 3 for at in (0, 3))
    assert varied.ids[0] == usual.ids[0]


def test_exploration_repeats_with_its_seed_and_shows_what_would_not_be(asked):
    client = asked.client()
    usual = client.rank("shop", "U0", limit=6).ids
    explored = [
        client.rank("shop", "U0", limit=6, config={"exploration_factor": 0.8, "seed": seed}).ids
        for seed in (1, 1, 2)
    ]
    assert explored[0] == explored[1] != explored[2]
    assert set(explored[0]) - set(usual)
    assert client.rank("shop", "U0", limit=6, config={"exploration_factor": 0}).ids == usual


# How good a model is.


@pytest.fixture(scope="module")
def judged(asked, tmp_path_factory):
    """A copy of the asked model after its evaluation, the report, and the steps it was told of."""
    folder = tmp_path_factory.mktemp("judged")
    shutil.copytree(asked.folder, folder / "shop")
    shutil.copytree(asked.home, folder / "home")
    shop, steps = Small(folder / "shop", folder / "home"), []
    report = shop.client().evaluate(
        "shop", ablate=True, on_progress=lambda *step: steps.append(step)
    )
    return shop, report, steps


def test_a_model_is_judged_beside_simple_rankings(judged):
    _, report, steps = judged
    assert (report["model_name"], report["split"], report["users"]) == ("shop", "user-time", PEOPLE)
    assert list(report["methods"]) == ["sightline", "popularity", "trending", "picked together"]
    own, popular = (report["methods"][name]["ndcg"] for name in ("sightline", "popularity"))
    assert own["low"] <= own["value"] <= own["high"]
    assert own["low"] > popular["high"]
    assert 0.5 < report["methods"]["sightline"]["auc"]["value"] <= 1
    assert report["against"]["popularity"]["ratio"]["low"] > 1
    assert report["segments"]["warm users"]["users"] == PEOPLE
    assert "new items, among themselves" in report["segments"]
    assert all(done <= total for _, done, total in steps)


def test_an_ablation_says_what_each_part_buys(judged):
    _, report, steps = judged
    assert [entry["without"] for entry in report["ablation"]] == ["pictures", "words", "behaviour"]
    own = report["methods"]["sightline"]["ndcg"]["value"]
    for entry in report["ablation"]:
        assert 0 < entry["ndcg"]["value"] <= 1
        assert entry["difference"]["value"] == pytest.approx(own - entry["ndcg"]["value"], abs=2e-5)
        assert entry["verdict"]
    assert {step.partition(":")[0] for step, _, _ in steps if ": " in step} == {
        "without pictures",
        "without words",
        "without behaviour",
    }


def test_answers_are_the_same_after_an_evaluation(asked, judged):
    client, after = asked.client(), judged[0].client()
    for person in ("U0", "U61", "nobody"):
        assert dict(after.rank("shop", person)) == dict(client.rank("shop", person))
    assert dict(after.similar_items("shop", "I0")) == dict(client.similar_items("shop", "I0"))
    assert dict(after.similar_users("shop", "U0")) == dict(client.similar_users("shop", "U0"))


def test_the_report_is_kept_with_the_model(asked, judged):
    shop, report, _ = judged
    kept = manifest(shop)
    assert {"model_name": "shop", **kept["evaluation"]} == report
    assert kept["generation"] == 2
    assert kept["files"] == manifest(asked)["files"]
    view = shop.client().view_model("shop")
    assert view["evaluation"] == kept["evaluation"]
    assert view["metrics"] == kept["metrics"]


def test_the_next_build_forgets_the_report(plain):
    client = plain.client()
    client.evaluate("shop")
    client.update_model("shop")
    assert "evaluation" not in manifest(plain)


def test_events_told_of_before_and_after_an_evaluation_count_once(plain):
    client = plain.client()
    client.insert_events("shop", picks("U50", "I1"))
    before = client.rank("shop", "U50", limit=ITEMS)
    client.evaluate("shop")
    after = client.rank("shop", "U50", limit=ITEMS)
    assert dict(after) == dict(before)
    client.insert_events("shop", picks("U50", "I4"))
    assert set(after.ids) - set(client.rank("shop", "U50", limit=ITEMS).ids) == {"I4"}


def test_a_model_may_be_judged_by_one_moment_in_time(plain):
    report = plain.client().evaluate("shop", split="global-time")
    assert report["split"] == "global-time"
    assert "one moment" in report["held_out"]
    assert 0 < report["users"] <= PEOPLE
    assert report["methods"]["sightline"]["ndcg"]["value"] > 0
    assert manifest(plain)["evaluation"]["split"] == "global-time"


def test_judging_twice_finds_the_same(plain):
    assert plain.client().evaluate("shop") == plain.client().evaluate("shop")


def test_there_is_no_other_split(asked):
    with pytest.raises(ValueError, match="user-time, global-time"):
        asked.client().evaluate("shop", split="leave-one-out")
    arguments = ["--home", str(asked.home), "evaluate", "--model-name", "shop"]
    assert CliRunner().invoke(main, [*arguments, "--split", "random"]).exit_code == 2


def test_a_model_that_does_not_exist_cannot_be_judged(asked):
    arguments = ["--home", str(asked.home), "evaluate", "--model-name", "shpo"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "models here: shop" in result.stderr


def test_the_command_prints_what_it_found_as_json_or_as_a_table(plain):
    arguments = ("evaluate", "--model-name", "shop")
    report = answer(plain, *arguments, "--split", "global-time")
    assert report["split"] == "global-time"
    assert {"model_name": "shop", **manifest(plain)["evaluation"]} == report
    result = plain.run(*arguments, "--ablate", "--threads", "1")
    for expected in ("NDCG@10", "sightline", "popularity", "warm users", "built without", "words"):
        assert expected in result.stdout
    assert "held out: last fifth of every user's events" in " ".join(result.stdout.split())
    assert "EASE" in result.stderr  # its steps, apart from the answer


def test_what_is_hidden_is_left_out_by_the_build_and_by_an_evaluation_and_told(plain, tmp_path):
    hidden = "  global_filters: SELECT item_id FROM items_source WHERE price < 20\n"
    shop = built(tmp_path, yaml=PLAIN + hidden)
    report = shop.client().evaluate("shop")
    found = shop.client().view_model("shop")["metrics"]
    assert found["hidden"] == report["hidden"]
    assert report["hidden"]["items"] == 10
    events = pl.read_csv(shop.folder / "events.csv")
    last = events.group_by("user_id").agg(pl.col("item_id").sort_by("event_timestamp").last())
    lost = last["item_id"].is_in([f"I{item}" for item in range(10)]).sum()
    assert report["hidden"]["held_out_picks"] == lost > 0
    assert report["users"] == found["personal"]["users"] == PEOPLE - lost
    for name, method in (("personal", "sightline"), ("popularity", "popularity")):
        assert found[name]["ndcg"] == report["methods"][method]["ndcg"]["value"]
    printed = " ".join(shop.run("evaluate", "--model-name", "shop").stdout.split())
    assert f"left out: 10 hidden items with {lost} picks" in printed
    assert plain.client().evaluate("shop")["hidden"] == {"items": 0, "held_out_picks": 0}


def test_a_filter_of_all_that_people_picked_takes_nothing_from_what_is_judged(plain, tmp_path):
    seen = "  personal_filters: SELECT user_id, item_id FROM events_source\n"
    shop = built(tmp_path, yaml=PLAIN + seen)
    assert shop.client().evaluate("shop") == plain.client().evaluate("shop")
    views = (one.client().view_model("shop")["metrics"] for one in (shop, plain))
    assert next(views) == next(views)


def test_of_too_few_events_nothing_is_measured_and_that_is_said(tmp_path):
    write(tmp_path / "shop")
    shop = Small(tmp_path / "shop", tmp_path / "home")
    shop.yaml.write_text(PLAIN)
    events = pl.read_csv(shop.folder / "events.csv")
    events.group_by("user_id", maintain_order=True).head(3).write_csv(shop.folder / "events.csv")
    shop.client().create_model(shop.yaml, encoder="attributes")
    assert "not measured" in answer(shop, "evaluate", "--model-name", "shop")["note"]
    arguments = ["--home", str(shop.home), "evaluate", "--model-name", "shop"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "not measured" in result.stdout


def test_a_search_by_someone_without_a_history_is_leaned_by_their_features(asked):
    client = asked.client()
    shoe = [{"item_id": "I0"}]
    assert set(kinds(client.rank("shop", queries=shoe, limit=6).ids)) == {"shoe"}
    everything = {"queries": shoe, "limit": ITEMS, "config": {"personal_weight": 1}}
    leaned = client.rank("shop", "nobody", user_features={"country": "dk"}, **everything)
    assert set(kinds(leaned.ids[:6])) == {"bag"}
    assert leaned.notes == [
        "user 'nobody' has picked nothing yet: this is what people like them pick"
    ]


@pytest.fixture
def live(asked, told) -> Small:
    """The copy, with its recipe naming the copied sources."""
    recipe = told.home / "models" / "shop" / "recipe.json"
    recipe.write_text(recipe.read_text().replace(str(asked.folder), str(told.folder)))
    return told


def test_sync_keeps_what_was_learnt_of_people_pairs_and_items_by_their_ids(live):
    told, client = live, live.client()
    picked = {f"U{person}": client.rank("shop", f"U{person}", limit=8).ids for person in range(6)}
    newcomers = {f"U{PEOPLE + n}": client.rank("shop", f"U{PEOPLE + n}").ids for n in range(5)}
    company = client.complement_items("shop", ["I30"], limit=5).ids
    frame = pl.read_parquet(told.folder / "items.parquet")
    # The others move up by one row, and nothing that is kept by row may stay where it was.
    frame.filter(pl.col("item_id") != "I1").write_parquet(told.folder / "items.parquet")
    assert client.sync("shop")["deleted"] == 1
    for user, ids in picked.items():
        now = client.rank("shop", user, limit=8).ids
        assert len({*now} & {*ids}) >= 6
    for user, ids in newcomers.items():
        assert kinds(client.rank("shop", user).ids)[:3] == kinds(ids)[:3]
    assert len({*client.complement_items("shop", ["I30"], limit=5).ids} & {*company}) >= 4


def test_item_that_comes_with_a_sync_is_shown_to_those_who_pick_its_like(live):
    told, client = live, live.client()
    frame = pl.read_parquet(told.folder / "items.parquet")
    shoes = frame.filter(pl.col("kind") == "shoe")["look"].to_numpy()
    look = pl.Series([shoes.mean(axis=0).astype(np.float32)], dtype=frame.schema["look"])
    new = pl.DataFrame({"item_id": ["I60"], "kind": ["shoe"], "price": [30.0], "look": look})
    pl.concat([frame, new]).write_parquet(told.folder / "items.parquet")
    assert client.sync("shop")["added"] == 1
    places = {
        kind: np.mean(
            [client.rank("shop", f"U{n}", limit=61).ids.index("I60") for n in range(kind, 30, 3)]
        )
        for kind in range(3)
    }
    assert places[0] < min(places[1], places[2])
    # Nobody picked it: its factors are guessed by what it looks like.
    factors = Snapshot(open_active(told.home / "models" / "shop")).catalogue.factors.factors
    likeness = factors[:60] @ factors[60]
    by_kind = [likeness[kind::3].mean() for kind in range(3)]
    assert by_kind[0] > max(0, by_kind[1], by_kind[2])
