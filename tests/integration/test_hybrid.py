"""Search by literal words, by meaning and by both, through the client and the command line."""

import json
import subprocess
import sys

import polars as pl
import pytest
from sightline.errors import ConfigError, CorruptGenerationError
from sightline.images.codec import encode
from small_shop import Shop, draw

COLOURS = {"red": (200, 30, 40), "green": (40, 160, 60), "blue": (40, 70, 200)}
YAML = """\
model:
  name: shop
connectors:
  - {id: items_source, type: file, path: items.csv}
fetch:
  items: SELECT * FROM items_source
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Squares whose titles name no colour; each has a code, a number and a description."""
    folder = tmp_path_factory.mktemp("hybrid") / "shop"
    folder.mkdir()
    rows = []
    for number in range(24):
        colour = list(COLOURS)[number % 3]
        (folder / f"{number}.png").write_bytes(encode(draw(COLOURS[colour], number), "PNG"))
        rows.append(
            {
                "item_id": f"sku-{number:04d}",
                "title": f"{'Café' if number % 2 else 'Bäcker'} mug {'Acme' if number < 4 else ''}",
                "description": f"Fits {number}.5 inch, see also XR{(number + 1) % 24}",
                "model": f"XR{number}",
                "ean": 4_006_381_333_000 + number,
                "image": f"{number}.png",
            }
        )
    pl.DataFrame(rows).write_csv(folder / "items.csv")
    (folder / "model.yaml").write_text(YAML)
    built = Shop(folder, folder.parent / "home")
    built.client().create_model(built.yaml)
    return built


@pytest.fixture
def client(shop):
    return shop.client()


def found(client, text, weight=None, limit=24, **options):
    config = {} if weight is None else {"text_semantic_search_weight": weight}
    return client.retrieve("shop", text_query=text, limit=limit, config=config, **options)


def parts(response):
    return response.explanation["score"]["scoring_policy_scores"]


@pytest.mark.parametrize("weight", [None, 0, 0.3, 0.95])
@pytest.mark.parametrize("text", ["XR7", "xr 7", "XR-7", "sku-0007", "SKU 0007", "4006381333007"])
def test_an_exact_code_comes_first_whatever_meaning_counts(client, text, weight):
    assert found(client, text, weight, limit=3).ids[0] == "sku-0007"


def test_a_code_in_a_description_is_found_after_the_item_s_own(client):
    assert found(client, "XR7", 0).ids[:2] == ["sku-0007", "sku-0006"]


def test_at_zero_words_alone_answer(client):
    response = found(client, "acme", 0, explain=True)
    assert sorted(response.ids) == [f"sku-{number:04d}" for number in range(4)]
    assert set(parts(response)) <= {"words", "trend"}
    assert found(client, "red", 0).ids == []


def test_at_one_meaning_alone_answers(client):
    response = found(client, "red", 1, explain=True)
    assert "words" not in parts(response)
    assert int(response.ids[0][-4:]) % 3 == 0
    assert "words" not in parts(found(client, "acme", 1, explain=True))


def test_between_both_parts_are_told(client):
    response = found(client, "red acme", 0.5, explain=True)
    assert {"words", "looks", "meaning"} <= set(parts(response))
    assert max(parts(response)["words"]) == pytest.approx(0.5, abs=0.02)
    assert response.ids[0] in {"sku-0000", "sku-0003"}


def test_seven_tenths_is_what_meaning_counts_for_unless_said(client):
    usual, said = found(client, "red acme"), found(client, "red acme", 0.7)
    assert (usual.ids, usual.scores) == (said.ids, said.scores)
    assert usual.scores != found(client, "red acme", 0.2).scores


@pytest.mark.parametrize("weight", [-0.1, 1.5, "much", True])
def test_a_weight_that_is_no_share_is_refused_by_name(client, weight):
    with pytest.raises(ConfigError, match=r"config\.text_semantic_search_weight"):
        found(client, "red", weight)


def test_the_model_file_says_what_meaning_counts_for(shop, tmp_path):
    file = shop.folder / "words.yaml"
    settings = "  inference_config: {text_semantic_search_weight: 0}\nconnectors:"
    file.write_text(YAML.replace("connectors:", settings, 1))
    built = Shop(shop.folder, tmp_path / "home")
    built.client().create_model(file)
    assert built.client().retrieve("shop", text_query="red").ids == []


def test_a_picture_and_words_share_the_query(client, shop):
    picture = shop.folder / "0.png"
    response = found(client, "acme", 0, image=picture, explain=True)
    assert {"looks", "words"} <= set(parts(response))
    assert set(response.ids[:2]) == {"sku-0000", "sku-0003"}
    assert max(parts(response)["words"]) == pytest.approx(0.5, abs=0.02)


def test_case_and_accents_do_not_matter(client):
    for text in ("CAFÉ", "cafe", "cafe\u0301"):
        assert len(found(client, text, 0).ids) == 12
    for text in ("bäcker", "BACKER", "Baecker"):
        assert len(found(client, text, 0).ids) == 12


def test_a_slip_is_read_as_the_word_next_to_it_and_the_answer_says_so(client):
    response = found(client, "acmee", 0)
    assert len(response.ids) == 4
    assert response.notes == ["no item has the word 'acmee'; searched for 'acme' instead"]
    assert found(client, "acmee", 1).notes == []


def test_a_code_that_no_item_has_is_found_by_its_parts_and_the_answer_says_so(client):
    response = found(client, "XR700", 0)
    assert len(response.ids) == 24
    assert response.notes == ["no item has the word 'xr700'; searched for 'xr' instead"]


def test_filters_hold_for_words_too(client):
    response = found(client, "acme", 0, filter_predicate="ean > 4006381333001")
    assert sorted(response.ids) == ["sku-0002", "sku-0003"]


def test_the_command_line_takes_the_weight(shop):
    asked = ["--text-query", "acme", "--config", '{"text_semantic_search_weight": 0}', "--json"]
    answer = json.loads(shop.run("retrieve", "--model-name", "shop", *asked).stdout)
    assert len(answer["ids"]) == 4


def test_words_alone_wake_neither_encoder_nor_polars_nor_numba(shop):
    script = (
        "import sys; from sightline import Client\n"
        f"client = Client({str(shop.home)!r})\n"
        "config = {'text_semantic_search_weight': 0}\n"
        "assert client.retrieve('shop', text_query='acmee XR7', config=config).ids\n"
        "print(*sorted({'polars', 'numba', 'onnxruntime'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-c", script], check=True, capture_output=True, text=True
    )
    assert ran.stdout.split() == []


def test_a_generation_of_the_format_before_is_refused_with_what_to_do(shop, tmp_path):
    home = tmp_path / "home"
    subprocess.run(["cp", "-r", str(shop.home), str(home)], check=True)
    (manifest,) = home.glob("models/shop/generations/*/manifest.json")
    old = {**json.loads(manifest.read_text("utf-8")), "format_version": 4}
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(old), "utf-8")
    with pytest.raises(CorruptGenerationError, match=r"older format 4.*update-model"):
        Shop(shop.folder, home).client().retrieve("shop", text_query="acme")
