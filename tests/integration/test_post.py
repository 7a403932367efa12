"""The post's own files: its two YAML files and its Python snippet, but for the import."""

import json

import polars as pl
import pytest
from post import BLOG_YAML
from tiny_checkpoints import write_clip_checkpoint
from tiny_hub import serving

SNIPPET = """\
from sightline import Shaped
shaped_client = Shaped()
response_auto = shaped_client.rank(model_name='auto_image_recs', user_id='USER_1', limit=10)
if response_auto and response_auto.metadata:
    for item in response_auto.metadata:
        print(f"- {item['title']} (Image URL: {item['product_image_url']})")
"""


@pytest.fixture
def post(unbuilt):
    """The small shop with the column names of the post."""
    items = pl.read_csv(unbuilt.folder / "items.csv")
    items.rename({"image": "product_image_url"}).with_columns(
        description=pl.lit("A thing.")
    ).write_csv(unbuilt.folder / "items.csv")
    events = pl.read_csv(unbuilt.folder / "events.csv")
    events.with_columns(pl.col("user_id").str.replace("U", "USER_")).write_csv(
        unbuilt.folder / "events.csv"
    )
    (unbuilt.folder / "automatic_image_model.yaml").write_text(BLOG_YAML)
    (unbuilt.folder / "clip_hf_model.yaml").write_text(
        BLOG_YAML.replace(
            "name: auto_image_recs",
            "name: clip_recs_hf\n  language_model_name: openai/clip-vit-base-patch32",
        )
    )
    return unbuilt


CONNECT = ("--connect", "items_source=items.csv", "--connect", "events_source=events.csv")


def test_automatic_image_model_is_created_and_viewed_until_active(post):
    post.run("create-model", "--file", "automatic_image_model.yaml", *CONNECT)
    assert "ACTIVE" in post.run("view-model", "--model-name", "auto_image_recs").stdout


def test_snippet_prints_titles_and_picture_addresses(post, monkeypatch, capsys):
    post.run("create-model", "--file", "automatic_image_model.yaml", *CONNECT)
    monkeypatch.setenv("SIGHTLINE_HOME", str(post.home))
    exec(SNIPPET, {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert all(line.startswith("- Thing number ") and "(Image URL: " in line for line in lines)


def test_the_clip_model_is_had_from_the_hub_by_its_name_and_searched_by_words(
    post, tmp_path, monkeypatch
):
    write_clip_checkpoint(tmp_path / "clip")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with serving() as hub:
        hub.add("openai/clip-vit-base-patch32", tmp_path / "clip")
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        post.run("create-model", "--file", "clip_hf_model.yaml", *CONNECT)
    # From here on there is no hub any more.
    asked = ["--model-name", "clip_recs_hf", "--text-query", "the red cat", "--json"]
    answer = json.loads(post.run("retrieve", *asked).stdout)
    assert len(answer["ids"]) == 10
    assert not answer["notes"]
    post.run("update-model", "--model-name", "clip_recs_hf")


def test_without_a_hub_the_clip_model_stops_at_the_encoder_with_what_to_do(post, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(post.home / "hf"))
    result = post.run("create-model", "--file", "clip_hf_model.yaml", *CONNECT, check=False)
    assert result.returncode == 1
    assert "openai/clip-vit-base-patch32" in result.stderr
    assert "HF_HUB_OFFLINE" in result.stderr
    assert "sightline encoders pull" in result.stderr
