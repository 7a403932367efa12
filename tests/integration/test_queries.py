import numpy as np
import pytest
from sightline import Client, Response, Shaped
from sightline.errors import (
    FilterError,
    ModelNotFoundError,
    UnknownItemError,
    UnreadableImageError,
    UnsupportedError,
)
from sightline.images.codec import encode
from small_shop import COLOURS, draw

ALL_ITEMS = {f"{colour}-{number}" for colour in COLOURS for number in range(6)}
RED_LOVER_SAW = {"red-0", "red-1", "red-2", "red-3"}


@pytest.fixture(scope="module")
def client(shop):
    return shop.client()


def test_person_is_shown_the_colour_they_pick_first_and_nothing_they_saw(client):
    response = client.rank("shop", "U0", limit=24)
    assert set(response.ids[:2]) == {"red-4", "red-5"}
    assert set(response.ids) == ALL_ITEMS - RED_LOVER_SAW


def test_response_reads_as_attributes_and_as_a_mapping(client):
    response = client.rank(model_name="shop", user_id="U0", limit=3)
    assert isinstance(response, Response)
    assert response["ids"] == response.ids
    assert dict(response)["scores"] == response.scores
    assert len(response.ids) == len(response.scores) == len(response.metadata) == 3
    assert response.get("explanation") is None
    assert "explanation" not in response
    assert response.scores == sorted(response.scores, reverse=True)


def test_metadata_holds_the_catalogue_s_columns_unless_told_otherwise(client):
    first = client.rank("shop", item_ids=["grey-5"]).metadata[0]
    assert first == {
        "item_id": "grey-5",
        "title": "Thing number 5",
        "category": "odd",
        "price": 50.0,
        "image": None,
    }
    assert "metadata" not in client.rank("shop", "U0", return_metadata=False)


def test_item_without_picture_is_still_ranked_and_has_similar_items(client):
    assert {"grey-4", "grey-5"} <= set(client.rank("shop", "U0", limit=24).ids)
    response = client.similar_items("shop", "grey-5", limit=5)
    assert len(response.ids) == 5
    assert "no picture" in response.notes[0]


def test_similar_items_look_alike_and_leave_the_item_out(client):
    response = client.similar_items("shop", "blue-2", limit=5)
    assert all(item.startswith("blue-") for item in response.ids)
    assert "blue-2" not in response.ids


def test_explanation_s_parts_add_up_to_the_score_and_name_the_pick_that_looks_alike(client):
    response = client.rank("shop", "U0", limit=2, explain=True)
    parts = response.explanation["score"]["scoring_policy_scores"]
    assert {"looks", "picked_together"} <= set(parts)
    totals = np.sum(list(parts.values()), axis=0)
    assert totals == pytest.approx(response.scores, abs=1e-4)
    assert all(pick in RED_LOVER_SAW for pick in response.explanation["looks_like"])


@pytest.mark.parametrize("user", [None, "nobody", 12345])
def test_unknown_person_gets_what_is_trending_and_is_told_so(client, user):
    response = client.rank("shop", user, limit=5)
    assert len(response.ids) == 5
    assert "trending" in response.notes[0]


def test_session_of_an_unknown_person_is_heard_at_once(client):
    response = client.rank("shop", interactions=[{"item_id": "blue-0"}], limit=5)
    assert all(item.startswith("blue-") for item in response.ids)
    assert "blue-0" not in response.ids


def test_item_turned_down_in_the_session_is_not_shown(client):
    response = client.rank("shop", "U0", interactions=[{"item_id": "red-4", "label": 0}], limit=24)
    assert "red-4" not in response.ids
    assert response.ids[0] == "red-5"


def test_session_has_the_last_word_on_an_item_of_the_history(client):
    turned_down = [{"item_id": item, "label": 0} for item in sorted(RED_LOVER_SAW)]
    response = client.rank("shop", "U0", interactions=turned_down, limit=5)
    assert "has picked nothing yet" in response.notes[0]
    assert not RED_LOVER_SAW & set(response.ids)


def test_item_of_the_session_that_the_model_does_not_know_is_told_and_no_error(client):
    response = client.rank("shop", "U0", interactions=[{"item_id": "brand-new"}], limit=2)
    assert set(response.ids) == {"red-4", "red-5"}
    assert "brand-new" in response.notes[0]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"label": 1},
        {"item_id": "red-0", "label": None},
        {"item_id": "red-0", "label": float("nan")},
        {"item_id": "red-0", "event_type": "dislike"},
    ],
    ids=str,
)
def test_session_entry_without_item_or_number_is_a_value_error(client, entry):
    with pytest.raises(ValueError, match="interactions must be like"):
        client.rank("shop", "U0", interactions=[entry])


def test_one_text_in_place_of_a_list_of_items_is_a_type_error(client):
    with pytest.raises(TypeError, match="list of ids"):
        client.rank("shop", "U0", item_ids="red-0")


def test_notes_say_what_is_so(client):
    assert "plays no part" in client.similar_items("shop", "red-0", user_id="nobody").notes[0]
    assert client.rank("shop", "U0", filter_predicate="price > 1000").notes == [
        "no item passes the filter"
    ]
    seen = "item_id IN ('red-0', 'red-1')"
    assert "was seen" in client.rank("shop", "U0", filter_predicate=seen).notes[0]


def test_rerank_returns_just_the_given_items_seen_or_not_and_tells_of_unknown_ones(client):
    response = client.rank("shop", "U0", item_ids=["blue-1", "red-0", "gone", "blue-1"])
    assert response.ids == ["red-0", "blue-1"]
    assert "gone" in response.notes[0]


def test_filter_holds_for_every_query(client):
    odd = "category = 'odd' AND price < 40"
    answers = [
        client.rank("shop", "U0", filter_predicate=odd, limit=24),
        client.rank("shop", "nobody", filter_predicate=odd, limit=24),
        client.rank("shop", "U0", item_ids=sorted(ALL_ITEMS), filter_predicate=odd, limit=24),
        client.similar_items("shop", "red-0", filter_predicate=odd, limit=24),
        client.complement_items("shop", ["red-0"], filter_predicate=odd, limit=24),
        client.retrieve("shop", image=encode(draw((200, 30, 40), 1), "PNG"), filter_predicate=odd),
        client.retrieve("shop", text_query="odd", filter_predicate=odd),
        client.retrieve("shop", filter_predicate=odd),
    ]
    for response in answers:
        assert response.ids
        assert all(record["category"] == "odd" for record in response.metadata)
        assert all(record["price"] < 40 for record in response.metadata)


def test_narrow_filter_returns_all_that_qualify_not_an_exception(client):
    assert client.rank("shop", "U0", filter_predicate="price = 50", limit=10).ids[0] == "red-5"
    assert client.rank("shop", "U0", filter_predicate="price > 1000").ids == []


def test_visual_and_derived_columns_can_be_filtered(client):
    red = client.retrieve("shop", filter_predicate="dominant_color = 'red'", limit=24)
    assert set(red.ids) == {f"red-{number}" for number in range(6)}
    none = client.retrieve("shop", filter_predicate="dominant_color IS NULL", limit=24)
    assert set(none.ids) == {"grey-4", "grey-5"}
    first = client.retrieve("shop", filter_predicate="_derived_popular_rank = 1", limit=24)
    assert len(first.ids) == 1


def test_complement_is_what_the_same_people_pick_without_the_basket(client):
    response = client.complement_items("shop", ["green-0", "green-1"], limit=4)
    assert all(item.startswith("green-") for item in response.ids)
    assert not {"green-0", "green-1"} & set(response.ids)


def test_people_who_pick_alike_are_similar(client):
    response = client.similar_users("shop", "U0", limit=5)
    assert len(response.ids) == 5
    assert all(int(user[1:]) % 4 == 0 for user in response.ids)
    assert response.metadata[0] == {"user_id": response.ids[0]}
    assert client.similar_users("shop", "nobody").ids == []


def test_likeness_of_people_is_explained_by_picks_and_looks(client):
    response = client.similar_users("shop", "U0", limit=3, explain=True)
    parts = response.explanation["score"]["scoring_policy_scores"]
    assert set(parts) == {"picks", "looks"}


def test_picture_from_outside_finds_what_looks_like_it(client, tmp_path):
    picture = encode(draw((45, 75, 190), 99), "JPEG", quality=90)
    path = tmp_path / "query.jpg"
    path.write_bytes(picture)
    from_bytes = client.retrieve("shop", image=picture, limit=6)
    assert all(item.startswith("blue-") for item in from_bytes.ids)
    assert client.retrieve("shop", image=path, limit=6).ids == from_bytes.ids


def test_words_find_items_by_their_meaning_and_their_own_words(client):
    response = client.retrieve("shop", text_query="thing number 3", limit=4, explain=True)
    assert response.metadata[0]["title"] == "Thing number 3"
    assert not response.notes
    parts = response.explanation["score"]["scoring_policy_scores"]
    assert {"looks", "meaning", "words"} <= set(parts)


def test_without_a_text_tower_words_are_found_literally_and_the_answer_says_so(unbuilt):
    client = unbuilt.client()
    client.create_model(unbuilt.yaml, encoder="attributes")
    response = client.retrieve("shop", text_query="number 3", limit=4)
    assert {record["title"] for record in response.metadata} == {"Thing number 3"}
    assert "no text tower" in response.notes[0]
    assert "no item" in client.retrieve("shop", text_query="zebra").notes[1]
    assert len(client.retrieve("shop", text_query="thing", limit=24).ids) == 24


def test_limit_is_the_model_s_unless_given(client):
    assert len(client.rank("shop", "U0").ids) == 10
    assert len(client.rank("shop", "U0", config={"limit": 4, "diversity_factor": 0}).ids) == 4
    assert len(client.rank("shop", "U0", limit=np.int64(4), filter_predicate=" ").ids) == 4


def test_shaped_is_the_same_class():
    assert Shaped is Client


@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "5"])
def test_limit_that_is_no_positive_whole_number_is_a_value_error(client, limit):
    with pytest.raises(ValueError, match="at least 1"):
        client.rank("shop", "U0", limit=limit)


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("similar_users", {"text_query": "red"}),
        ("rank", {"item_features": {"price": 3}}),
        ("rank", {"config": {"filter_interaction_iids": True}}),
        ("similar_users", {"filter_predicate": "price > 1"}),
    ],
)
def test_argument_that_is_not_built_is_refused_by_name(client, verb, options):
    with pytest.raises(UnsupportedError, match="cannot"):
        getattr(client, verb)("shop", "U0", **options)


def test_argument_that_does_not_exist_is_a_type_error(client):
    with pytest.raises(TypeError, match="limmit"):
        client.rank("shop", "U0", limmit=3)


def test_unknown_item_is_an_error_that_names_near_ids(client):
    with pytest.raises(UnknownItemError, match=r"did you mean 'blue-\d'"):
        client.similar_items("shop", "bleu-2")
    with pytest.raises(UnknownItemError):
        client.complement_items("shop", ["nothing"])
    with pytest.raises(UnknownItemError):
        client.rank("shop", "U0", item_ids=["nothing"])


def test_filter_on_an_unknown_column_names_the_nearest(client):
    with pytest.raises(FilterError, match="did you mean 'price'"):
        client.rank("shop", "U0", filter_predicate="prize < 3")


def test_unknown_model_is_an_error_that_lists_those_there_are(client):
    with pytest.raises(ModelNotFoundError, match="models here: shop"):
        client.rank("shpo", "U0")


@pytest.mark.parametrize("image", [b"", b"<html>", "nowhere.png", "file:///etc/passwd"])
def test_query_picture_that_cannot_be_read_is_an_error(client, image):
    with pytest.raises(UnreadableImageError):
        client.retrieve("shop", image=image)


def test_private_address_in_a_query_picture_is_refused(client):
    with pytest.raises(UnreadableImageError, match=r"127\.0\.0\.1"):
        client.retrieve("shop", image="http://127.0.0.1:9/x.png")


def test_empty_basket_is_a_value_error(client):
    with pytest.raises(ValueError, match="empty"):
        client.complement_items("shop", [])


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.similar_items("shop", "I1", user_features={"age": 3}),
        lambda client: client.similar_users("shop", "U0", config={"seed": 3}),
        lambda client: client.complement_items("shop", ["I1"], config={"value_model": "score"}),
        lambda client: client.retrieve("shop", text_query="x", config={"diversity_factor": 0.5}),
    ],
    ids=["similar_items", "similar_users", "complement_items", "retrieve"],
)
def test_what_is_of_rank_alone_is_refused_by_every_other_verb(client, ask):
    with pytest.raises(UnsupportedError, match="of rank alone"):
        ask(client)
