"""The small shop, with and without its model."""

import pytest
from small_shop import Shop, write_shop


@pytest.fixture
def unbuilt(tmp_path) -> Shop:
    """The small shop, with an empty home."""
    write_shop(tmp_path / "shop")
    return Shop(tmp_path / "shop", tmp_path / "home")


@pytest.fixture(scope="session")
def shop(tmp_path_factory) -> Shop:
    """The small shop with its model built; tests only ask it."""
    folder = tmp_path_factory.mktemp("built")
    write_shop(folder / "shop")
    built = Shop(folder / "shop", folder / "home")
    built.client().create_model(built.yaml)
    return built
