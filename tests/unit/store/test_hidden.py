import numpy as np
from sightline.store.hidden import HiddenItems


def test_what_is_hidden_from_whom_is_read_back(tmp_path):
    HiddenItems.write_from_all(tmp_path, np.array([1, 5], np.int32))
    HiddenItems.write_from_some(
        tmp_path, ["u", "é"], np.array([0, 1, 3]), np.array([2, 0, 4], np.int32)
    )
    hidden = HiddenItems(tmp_path)
    assert hidden.from_all.tolist() == [1, 5]
    assert hidden.from_person("u").tolist() == [2]
    assert hidden.from_person("é").tolist() == [0, 4]
    assert hidden.from_person("nobody").tolist() == []


def test_nothing_is_hidden_where_nothing_was_written(tmp_path):
    hidden = HiddenItems(tmp_path)
    assert (hidden.from_all.tolist(), hidden.from_person("u").tolist()) == ([], [])


def test_a_table_without_pairs_hides_nothing(tmp_path):
    HiddenItems.write_from_some(tmp_path, [], np.array([0]), np.zeros(0, np.int32))
    assert HiddenItems(tmp_path).from_person("u").tolist() == []
