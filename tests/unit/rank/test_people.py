import numpy as np
from sightline.rank.people import People
from sightline.types import History

# Users 0 and 1 picked items 0 and 1; user 2 picked item 1; user 3 nothing in common.
PICKS = {0: [0, 1], 1: [0, 1], 2: [1], 3: [2]}


def people(tastes=None):
    fans = [[user for user, items in PICKS.items() if item in items] for item in range(3)]
    has_taste = np.zeros(4, np.bool_) if tastes is None else np.ones(4, np.bool_)
    return People(
        fan_offsets=np.cumsum([0, *map(len, fans)]),
        fans=np.array([user for group in fans for user in group], np.int32),
        picks=np.array([len(items) for items in PICKS.values()]),
        tastes=np.array(tastes if tastes is not None else np.zeros((4, 2)), np.float32),
        has_taste=has_taste,
    )


def history(user):
    rows = np.array(PICKS[user], np.int32)
    return History(rows, np.ones(len(rows), np.float32), np.zeros(len(rows), np.int64))


def test_shared_picks_make_people_alike_and_strangers_are_left_out():
    ranked = people().like(0, history(0), 10)
    assert ranked.rows.tolist() == [1, 2]
    assert ranked.scores[0] == 1.0


def test_alike_looks_bring_people_who_share_no_pick():
    tastes = [[1, 0], [0, 1], [0, 1], [1, 0]]
    assert people(tastes).like(0, history(0), 10).rows.tolist() == [1, 3, 2]


def test_limit_holds():
    assert people().like(0, history(0), 1).rows.tolist() == [1]


def test_turned_down_items_are_not_shared_picks():
    refused = History(
        np.array([0, 1], np.int32), np.array([-1, -1], np.float32), np.zeros(2, np.int64)
    )
    assert people().like(3, refused, 10).rows.tolist() == []
