import numpy as np
import pytest
from sightline.store.hidden import HiddenItems


def opened(folder):
    return HiddenItems(folder, [path.name for path in folder.iterdir()])


def test_what_is_hidden_from_whom_is_read_back(tmp_path):
    HiddenItems.write_from_all(tmp_path, np.array([1, 5], np.int32))
    HiddenItems.write_from_some(
        tmp_path, ["u", "é"], np.array([0, 1, 3]), np.array([2, 0, 4], np.int32)
    )
    hidden = opened(tmp_path)
    assert hidden.from_all.tolist() == [1, 5]
    assert hidden.from_person("u").tolist() == [2]
    assert hidden.from_person("é").tolist() == [0, 4]
    assert hidden.from_person("nobody").tolist() == []


def test_nothing_is_hidden_where_nothing_was_written(tmp_path):
    hidden = opened(tmp_path)
    assert (hidden.from_all.tolist(), hidden.from_person("u").tolist()) == ([], [])


def test_a_table_without_pairs_hides_nothing(tmp_path):
    HiddenItems.write_from_some(tmp_path, [], np.array([0]), np.zeros(0, np.int32))
    assert opened(tmp_path).from_person("u").tolist() == []


@pytest.mark.parametrize("write", ["all", "some"])
def test_what_is_hidden_stays_so_when_the_files_are_swept_away_and_is_never_forgotten(
    tmp_path, write
):
    if write == "all":
        HiddenItems.write_from_all(tmp_path, np.array([1, 5], np.int32))
    else:
        rows = np.array([1, 5], np.int32)
        HiddenItems.write_from_some(tmp_path, ["u"], np.array([0, 2]), rows)
    files = [path.name for path in tmp_path.iterdir()]
    hidden = HiddenItems(tmp_path, files)
    for name in files:
        (tmp_path / name).unlink()
    assert [*hidden.from_all, *hidden.from_person("u")] == [1, 5]
    with pytest.raises(FileNotFoundError):
        HiddenItems(tmp_path, files)
