import pytest
from sightline.config import load_config
from sightline.errors import ConfigError
from sightline.index_config import IndexConfig, read_index_config


def test_vectors_are_float32_unless_a_model_says_otherwise():
    assert read_index_config(None) == read_index_config({}) == IndexConfig("float32")
    assert read_index_config({"vectors": None}) == IndexConfig()


def test_a_model_says_how_its_vectors_are_kept():
    document = {
        "model": {"name": "m", "index_config": {"vectors": "float16"}},
        "connectors": [{"id": "items_source", "path": "items.csv"}],
        "fetch": {"items": "SELECT * FROM items_source"},
    }
    assert load_config(document).index == IndexConfig("float16")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("float16", r"model\.index_config must be a mapping such as .*, not 'float16'"),
        ({"vectors": "int8"}, r"index_config\.vectors must be one of float32, float16, not 'int8'"),
        ({"vectors": 16}, r"index_config\.vectors must be one of float32, float16, not 16"),
        ({"vector": "float16"}, r"'model\.index_config\.vector'\. Did you mean 'vectors'"),
    ],
)
def test_what_is_not_a_setting_is_refused(section, message):
    with pytest.raises(ConfigError, match=message):
        read_index_config(section)
