import json

import pytest


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    import os
    import subprocess
    import sys

    home = tmp_path_factory.mktemp("demo-home")
    done = subprocess.run(
        [sys.executable, "-m", "sightline", "demo", "--json"],
        env={**os.environ, "SIGHTLINE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_figures_are_those_of_the_shop_that_was_drawn(demo):
    assert demo["items"] == 600
    assert demo["users"] == 300
    assert demo["events"] > 5_000
    assert demo["images_missing"] > 0
    assert demo["images_failed"] > 0
    assert demo["images_ok"] + demo["images_missing"] + demo["images_failed"] == 600


def test_personal_ranking_is_at_least_twice_as_good_as_popularity(demo):
    assert demo["ndcg_at_10"] >= 2 * demo["popularity_ndcg_at_10"] > 0


def test_page_shows_what_was_searched_for_in_words(demo):
    with open(demo["gallery"], encoding="utf-8") as file:  # noqa: PTH123
        page = file.read()
    section = page[page.index(">Search in words</h2>") : page.index(">For each person</h2>")]
    assert "red striped dress" in section
    assert section.count("data:image/jpeg;base64,") >= 8


def test_gallery_is_one_file_with_pictures_in_it(demo):
    with open(demo["gallery"], encoding="utf-8") as file:  # noqa: PTH123
        page = file.read()
    assert page.count("data:image/jpeg;base64,") > 30
    assert "http://" not in page.replace("http://www.w3.org", "")
