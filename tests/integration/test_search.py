"""Queries of several parts, and searches with a person in mind, through the client and commands."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sentence_checkpoints import SentenceCase, write_sentence_folder
from sightline.errors import (
    QueryError,
    UnknownItemError,
    UnreadableImageError,
    UnsupportedError,
)
from sightline.rank.ranker import Ranker
from sightline.snapshot import Snapshot
from sightline.store.generation import open_active
from small_shop import Shop, write_shop

RED_LOVER_SAW = {"red-0", "red-1", "red-2", "red-3"}
FAR = {"limit": 24}


@pytest.fixture(scope="module")
def client(shop):
    return shop.client()


@pytest.fixture(scope="module")
def wordless(tmp_path_factory):
    """The small shop, with an encoder that reads no words."""
    folder = tmp_path_factory.mktemp("wordless")
    write_shop(folder / "shop")
    built = Shop(folder / "shop", folder / "home")
    built.client().create_model(built.yaml, encoder="attributes")
    return built.client()


def picture(shop, item):
    return str(shop.folder / "pictures" / f"{item}.png")


def places(response, colour):
    return [place for place, item in enumerate(response.ids) if item.startswith(colour)]


# --- one text


@pytest.mark.parametrize("text", ["thing number 3", " a red  t-shirt ", "50-60 C++", "16:9 odd"])
def test_plain_text_is_answered_as_one_vector_and_its_words(shop, client, text):
    snapshot = Snapshot(open_active(shop.home / "models" / "shop"))
    vector = client.encoders.open("sightline-mini").texts.encode([text])
    expected = Ranker(snapshot.catalogue).for_query(24, looks=vector, meaning=vector, text=text)
    response = client.retrieve("shop", text_query=text, **FAR)
    assert response.ids == [snapshot.item_ids[row] for row in expected.rows]
    assert response.scores == pytest.approx(expected.scores.tolist(), abs=1e-6)
    assert client.retrieve("shop", queries=[{"text": text}], **FAR).scores == response.scores


def test_a_picture_named_in_a_text_is_that_picture(shop, client):
    named = client.retrieve("shop", text_query=f"image:{picture(shop, 'blue-1')}", **FAR)
    given = client.retrieve("shop", image=picture(shop, "blue-1"), **FAR)
    assert (named.ids, named.scores) == (given.ids, given.scores)


# --- several parts


def test_a_part_taken_away_pushes_down_what_is_like_it(shop, client):
    blue = picture(shop, "blue-1")
    with_it = client.retrieve("shop", text_query=blue, **FAR)
    without = client.retrieve("shop", text_query=f"{blue} - a blue square", **FAR)
    assert with_it.ids[0].startswith("blue")
    assert np.mean(places(without, "blue")) > np.mean(places(with_it, "blue"))


def test_weight_decides_between_two_parts(shop, client):
    red, blue = picture(shop, "red-1"), picture(shop, "blue-1")
    found = {
        weights: client.retrieve("shop", text_query=f"{weights[0]}:{red} + {weights[1]}:{blue}")
        for weights in [(3, 1), (1, 3)]
    }
    assert found[3, 1].ids[0].startswith("red")
    assert found[1, 3].ids[0].startswith("blue")


def test_only_the_ratio_of_weights_matters(client):
    light = client.retrieve("shop", text_query="0.5:a red square - 0.25:odd", **FAR)
    heavy = client.retrieve("shop", text_query="4:a red square - 2:odd", **FAR)
    assert light.ids == heavy.ids
    assert light.scores == pytest.approx(heavy.scores, abs=1e-4)


def test_an_item_in_a_query_finds_its_like_and_not_itself(client):
    found = client.retrieve("shop", text_query="item:blue-2 + item:blue-3", limit=4)
    assert all(item.startswith("blue") for item in found.ids[:2])
    everything = client.retrieve("shop", text_query="item:blue-2 + item:blue-3", **FAR)
    assert not {"blue-2", "blue-3"} & set(everything.ids)
    assert not found.notes


def test_an_item_without_a_picture_is_searched_by_what_its_words_mean(client):
    found = client.retrieve("shop", queries=[{"item_id": "grey-5"}], limit=4, explain=True)
    assert all(item.endswith(("-5", "-3", "-1")) for item in found.ids)  # odd ones, as it is
    assert "meaning" in found.explanation["score"]["scoring_policy_scores"]


def test_an_explained_search_says_how_the_nearest_were_found(client):
    def plans(**options):
        found = client.retrieve("shop", text_query="a blue square", explain=True, **options)
        return found.explanation["plans"]

    assert plans() == {"looks": "scan", "meaning": "scan"}
    narrow = plans(filter_predicate="item_id = 'blue-2'")
    assert narrow["looks"] == "gather"
    assert set(plans(filter_predicate="item_id = 'nothing'").values()) == {"none"}
    ranked = client.rank("shop", text_query="a blue square", explain=True)
    assert set(ranked.explanation["plans"]) == {"looks", "meaning"}
    named = ["blue-1", "red-1"]
    ranked = client.rank("shop", text_query="a blue square", item_ids=named, explain=True)
    assert ranked.explanation["plans"] == {}  # what is named is not looked for


def test_every_explained_answer_says_how_the_nearest_were_found(client):
    def plans(verb, *named, **options):
        return verb("shop", *named, explain=True, **options).explanation["plans"]

    one, basket = "blue-1", ["blue-1", "red-2", "grey-5"]
    nothing = {"filter_predicate": "item_id = 'nothing'"}
    assert plans(client.similar_items, one) == {"looks": "scan", "meaning": "scan"}
    assert plans(client.complement_items, basket) == {"looks": "scan", "meaning": "scan"}
    assert set(plans(client.similar_items, one, **nothing).values()) == {"none"}
    narrow = {"filter_predicate": "item_id = 'blue-2'"}
    assert set(plans(client.complement_items, basket, **narrow).values()) == {"gather"}
    assert plans(client.similar_items, "grey-5") == {"meaning": "scan"}  # it has no picture
    assert plans(client.rank, "U0") == {"taste": "gather"}  # of so few, all are candidates
    assert plans(client.rank, "U0", **nothing) == {"taste": "none"}
    assert plans(client.rank, "U0", config={"retriever_k_override": {"knn": 5}})["taste"] != "none"
    assert plans(client.rank, "nobody-yet") == plans(client.rank) == {}  # what is trending
    assert plans(client.similar_users, "U0") == {}
    searched = plans(client.rank, "U0", text_query="a blue square")
    assert searched == {"looks": "scan", "meaning": "scan"}


def test_an_answer_that_is_not_explained_tells_no_plans(client):
    assert client.similar_items("shop", "blue-1").explanation is None
    assert client.rank("shop", "U0").explanation is None


def test_what_is_given_in_every_way_is_one_query(shop, client):
    blue = picture(shop, "blue-1")
    one = client.retrieve("shop", text_query=f"a square + {blue} - item:red-0", **FAR)
    other = client.retrieve(
        "shop",
        text_query="a square",
        image=blue,
        queries=[{"item_id": "red-0", "weight": -1}],
        **FAR,
    )
    assert one.ids == other.ids
    assert one.scores == pytest.approx(other.scores, abs=1e-5)


def test_a_text_of_a_mapping_has_no_operators(client):
    literal = client.retrieve("shop", queries=[{"text": "number 3 - odd"}], **FAR)
    quoted = client.retrieve("shop", text_query='"number 3 - odd"', **FAR)
    read = client.retrieve("shop", text_query="number 3 - odd", **FAR)
    assert (literal.ids, literal.scores) == (quoted.ids, quoted.scores)
    assert literal.scores != read.scores


def test_every_kind_of_part_keeps_filter_limit_metadata_and_explanation(shop, client):
    asked = f"2:a square + {picture(shop, 'blue-1')} + item:red-0 - odd"
    found = client.retrieve(
        "shop", text_query=asked, filter_predicate="category = 'odd'", limit=5, explain=True
    )
    assert len(found.ids) == len(found.metadata) == 5
    assert {record["category"] for record in found.metadata} == {"odd"}
    parts = found.explanation["score"]["scoring_policy_scores"]
    assert np.sum(list(parts.values()), axis=0) == pytest.approx(found.scores, abs=1e-4)
    bare = client.retrieve("shop", text_query=asked, return_metadata=False)
    assert "metadata" not in bare
    none = client.retrieve("shop", text_query=asked, filter_predicate="price > 1000")
    assert none.ids == []
    assert none.notes == ["no item passes the filter"]


# --- what a space does not reach


def test_without_a_text_tower_words_taken_away_count_against_items_literally(wordless):
    found = wordless.retrieve("shop", text_query="thing - odd", **FAR)
    assert len(found.ids) == 24
    assert {record["category"] for record in found.metadata[:12]} == {"even"}
    assert found.notes == [
        "encoder 'attributes' has no text tower: matched by the items' own words"
    ]


def test_words_and_pictures_join_where_each_reaches_only_its_own_space(wordless, shop):
    blue = picture(shop, "blue-1")
    found = wordless.retrieve("shop", text_query=f"{blue} - odd", **FAR)
    assert found.ids[0] in {"blue-0", "blue-2", "blue-4"}
    assert "no text tower" in found.notes[0]


def test_an_item_that_cannot_be_compared_is_told_of(wordless):
    found = wordless.retrieve("shop", text_query="item:grey-5")
    assert found.ids == []
    assert found.notes == [
        "item 'grey-5' has neither a picture nor words that were encoded: it was left out of the "
        "query"
    ]
    joined = wordless.retrieve("shop", text_query="item:grey-5 + number 3")
    assert joined.ids
    assert "left out of the query" in joined.notes[0]


@pytest.mark.parametrize("text", ["red - red", "2:red - 2:red"])
def test_parts_that_cancel_each_other_out_find_nothing_and_say_so(client, text):
    found = client.retrieve("shop", text_query=text)
    assert found.ids == []
    assert all("cancel each other out" in note for note in found.notes)


def test_a_part_that_a_space_does_not_reach_is_left_out_there_and_told_of(unbuilt):
    (unbuilt.folder / "sentences").mkdir()
    write_sentence_folder(unbuilt.folder / "sentences", SentenceCase())
    client = unbuilt.client()
    client.create_model(unbuilt.yaml, encoder=str(unbuilt.folder / "sentences"))
    asked = f"{picture(unbuilt, 'blue-1')} - thing number 3"
    found = client.retrieve("shop", text_query=asked, explain=True, **FAR)
    assert found.ids[0].startswith("blue")
    told = " ".join(found.notes)
    assert "'thing number 3', at character" in told
    assert "its encoder reads no pictures" in told
    assert "its encoder reads no words" in told
    assert not client.retrieve("shop", text_query="thing number 3").notes
    alone = client.retrieve("shop", image=picture(unbuilt, "blue-1"))
    assert not alone.notes


def test_the_name_of_a_picture_without_a_path_is_words_and_told_of(client):
    found = client.retrieve("shop", text_query="blue-1.png - odd")
    assert found.notes[0].startswith("'blue-1.png' was searched for as words")


# --- what is refused


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ({"text_query": "red +"}, QueryError, "character 5"),
        ({"text_query": "red + item:red-9"}, UnknownItemError, r"part 2 .*7\): .* did you mean"),
        ({"text_query": "red - ./no.png"}, UnreadableImageError, r"part 2 .*7\): .*no such file"),
        ({"text_query": "http://127.0.0.1:9/x.png - a"}, UnreadableImageError, r"part 1 .*127"),
        ({"queries": [{"text": "a"}, {"item_id": "zz"}]}, UnknownItemError, r"queries\[1\]: "),
        ({"queries": [{"image": b""}]}, UnreadableImageError, r"queries\[0\]: "),
        ({"queries": [{"txt": "a"}]}, QueryError, r"queries\[0\] has txt"),
        ({"queries": []}, QueryError, "empty"),
    ],
)
@pytest.mark.parametrize("verb", ["retrieve", "rank"])
def test_what_cannot_be_searched_is_an_error_that_names_the_part(
    client, verb, query, error, message
):
    with pytest.raises(error, match=message):
        getattr(client, verb)("shop", **query)


def test_a_host_that_was_opened_may_be_in_any_part(shop):
    client = shop.client(allow_hosts=["127.0.0.1:9"])
    with pytest.raises(UnreadableImageError, match=r"part 2 .*unreachable: 127"):
        client.retrieve("shop", text_query="red - http://127.0.0.1:9/x.png")


@pytest.mark.parametrize(
    ("verb", "options", "message"),
    [
        ("rank", {"user_id": "U0", "config": {"personal_weight": 0.5}}, "nothing is searched for"),
        ("rank", {"text_query": "x", "config": {"personal_weight": 0.5}}, "no person"),
        ("retrieve", {"text_query": "x", "config": {"personal_weight": 0.5}}, "no person"),
        ("retrieve", {"config": {"text_semantic_search_weight": 0.5}}, "in words"),
        ("rank", {"config": {"text_semantic_search_weight": 0.5}}, "nothing is searched for"),
        ("rank_batch", {"user_ids": ["U0"], "config": {"personal_weight": 0}}, "searches for"),
        ("rank_batch", {"user_ids": ["U0"], "text_query": "x"}, "for rank and retrieve alone"),
    ],
)
def test_a_setting_of_a_search_is_refused_where_nothing_would_come_of_it(
    client, verb, options, message
):
    with pytest.raises(UnsupportedError, match=message):
        getattr(client, verb)("shop", **options)


@pytest.mark.parametrize("weight", [-0.1, 1.1, "much"])
def test_personal_weight_is_a_number_from_0_to_1(client, weight):
    with pytest.raises(ValueError, match=r"config\.personal_weight"):
        client.rank("shop", "U0", text_query="x", config={"personal_weight": weight})


# --- with a person in mind


def test_a_person_s_liking_lifts_what_answers_the_query(client):
    plain = client.retrieve("shop", text_query="thing number 4", **FAR)
    leaned = client.retrieve("shop", text_query="thing number 4", user_id="U0", **FAR)
    assert leaned.ids.index("red-4") <= plain.ids.index("red-4")
    assert np.mean(places(leaned, "red")) < np.mean(places(plain, "red"))
    assert set(leaned.ids) == set(plain.ids)
    assert not leaned.notes


def test_the_weight_of_the_person_goes_from_the_search_alone_to_the_liking_alone(client):
    asked = {"text_query": "thing number 3", "user_id": "U0", **FAR}
    plain = client.retrieve("shop", text_query="thing number 3", **FAR)
    none = client.retrieve("shop", **asked, config={"personal_weight": 0})
    assert (none.ids, none.scores) == (plain.ids, plain.scores)
    all_of_it = client.retrieve("shop", **asked, config={"personal_weight": 1})
    assert all(item.startswith("red") for item in all_of_it.ids[:5])


def test_rank_with_a_text_leaves_out_what_was_seen_and_retrieve_does_not(client):
    ranked = client.rank("shop", "U0", text_query="number 3", **FAR)
    assert not RED_LOVER_SAW & set(ranked.ids)
    assert ranked.metadata[0]["title"] == "Thing number 3"
    found = client.retrieve("shop", text_query="number 3", user_id="U0", **FAR)
    assert found.ids[0] == "red-3"


def test_the_parts_of_a_personal_score_are_named_and_add_up(client):
    for verb in (client.rank, client.retrieve):
        found = verb("shop", user_id="U0", text_query="a blue square", explain=True, **FAR)
        parts = found.explanation["score"]["scoring_policy_scores"]
        assert {"looks", "meaning", "words", "personal"} <= set(parts)
        assert np.sum(list(parts.values()), axis=0) == pytest.approx(found.scores, abs=1e-4)
        assert max(parts["personal"]) == pytest.approx(0.3)
        assert "probability" not in found.explanation["score"]


def test_a_ranked_search_says_which_pick_an_item_looks_like(client):
    found = client.rank("shop", "U0", text_query="number 4", explain=True, limit=3)
    assert all(pick in RED_LOVER_SAW for pick in found.explanation["looks_like"])


def test_someone_without_a_history_gets_the_plain_search_and_is_told(client):
    plain = client.retrieve("shop", text_query="number 3", **FAR)
    for verb in (client.rank, client.retrieve):
        found = verb("shop", user_id="nobody", text_query="number 3", **FAR)
        assert found.ids == plain.ids
        assert found.notes == ["user 'nobody' has picked nothing yet: their taste plays no part"]


def test_nobody_who_ranks_a_search_gets_the_plain_one(client):
    plain = client.retrieve("shop", text_query="number 3", **FAR)
    found = client.rank("shop", text_query="number 3", **FAR)
    assert (found.ids, found.scores, found.notes) == (plain.ids, plain.scores, [])


def test_a_session_leans_a_search_as_a_history_does(client):
    asked = {"text_query": "thing number 4", **FAR}
    plain = client.rank("shop", **asked)
    leaned = client.rank("shop", interactions=[{"item_id": "red-1"}], **asked)
    assert np.mean(places(leaned, "red")) < np.mean(places(plain, "red"))
    assert "red-1" not in leaned.ids


def test_ranking_named_items_by_a_text_ranks_all_of_them(client):
    found = client.rank("shop", "U0", item_ids=["red-0", "grey-1", "blue-3"], text_query="number 3")
    assert found.ids[0] == "blue-3"
    assert set(found.ids) == {"red-0", "grey-1", "blue-3"}


def test_a_blank_text_ranks_as_none_does(client):
    assert client.rank("shop", "U0", text_query=" ").ids == client.rank("shop", "U0").ids


def test_a_ranked_search_honours_filters_and_the_order_that_is_asked_for(client):
    asked = {"text_query": "number 3 - odd", "filter_predicate": "price < 50", **FAR}
    found = client.rank("shop", "U0", **asked)
    assert all(record["price"] < 50 for record in found.metadata)
    colours = client.rank(
        "shop", "U0", **asked, config={"diversity_attributes": ["dominant_color"]}
    )
    assert len({item.partition("-")[0] for item in colours.ids[:4]}) == 4
    assert set(colours.ids) == set(found.ids)


def test_without_a_query_a_person_s_liking_orders_what_is_trending(client):
    trending = client.retrieve("shop", **FAR)
    leaned = client.retrieve("shop", user_id="U0", **FAR)
    assert set(leaned.ids) == set(trending.ids)
    assert np.mean(places(leaned, "red")) < np.mean(places(trending, "red"))


def test_searches_page_apart_from_each_other_and_from_the_feed(unbuilt):
    unbuilt.yaml.write_text(
        unbuilt.yaml.read_text().replace("name: shop", "name: shop\n  pagination_store_ttl: 600")
    )
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    pages = [client.rank("shop", "U0", text_query="thing", limit=4).ids for _ in range(5)]
    shown = {item for page in pages for item in page}
    assert len(shown) == sum(map(len, pages)) == 20
    assert client.rank("shop", "U0", text_query="number", limit=4).ids
    assert client.rank("shop", "U0", limit=4).ids
    assert client.rank("shop", "U0", text_query="thing", limit=4).ids == []


# --- commands


def run(shop, *arguments, code=0):
    done = shop.run(*arguments, check=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_the_command_takes_the_language_and_the_list(shop, client):
    text = "2:a red square + ./pictures/blue-1.png - odd"
    asked = ["retrieve", "--model-name", "shop", "--json", "--limit", "24"]
    found = run(shop, *asked, "--text-query", text)
    structured = [
        {"text": "a red square", "weight": 2},
        {"image": "./pictures/blue-1.png"},
        {"text": "odd", "weight": -1},
    ]
    assert run(shop, *asked, "--queries", json.dumps(structured))["ids"] == found["ids"]
    assert len(found["ids"]) == 24
    taken_away = run(shop, *asked, "--text-query", "- odd")
    assert taken_away["metadata"][0]["category"] == "even"


def test_the_commands_take_a_person_and_a_weight(shop, client):
    for verb in ("rank", "retrieve"):
        asked = [verb, "--model-name", "shop", "--user-id", "U0", "--text-query", "number 3"]
        config = ["--config", '{"personal_weight": 1}', "--explain", "--json"]
        found = run(shop, *asked, *config)
        expected = getattr(client, verb)(
            "shop", user_id="U0", text_query="number 3", config={"personal_weight": 1}
        )
        assert found["ids"] == expected.ids
        parts = found["explanation"]["score"]["scoring_policy_scores"]
        assert parts["personal"] == pytest.approx(found["scores"])


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--text-query", "red + - blue", "nothing follows the '+' of text_query at character 5"),
        ("--text-query", "a - item:red-9", "part 2 of text_query ('item:red-9', at character 5)"),
        ("--queries", '[{"txt": 1}]', "queries[0] has txt"),
        ("--queries", '{"text": "a"}', "queries must be a list"),
    ],
)
@pytest.mark.parametrize("verb", ["rank", "retrieve"])
def test_the_command_says_which_part_cannot_be_read(shop, verb, option, value, message):
    told = run(shop, verb, "--model-name", "shop", option, value, code=1)
    assert message in " ".join(told.split())
    assert "Traceback" not in told


def test_a_search_of_several_parts_wakes_neither_polars_nor_numba(shop):
    program = (
        "import sys, sightline\n"
        f"client = sightline.Client({str(shop.home)!r})\n"
        "client.retrieve('shop', text_query='2:number - odd + item:red-1', user_id='U0')\n"
        "print('polars' in sys.modules, 'numba' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert finished.stdout.split() == ["False", "False"], finished.stderr
