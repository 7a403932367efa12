import json

import polars as pl
import pytest
from click.testing import CliRunner
from sightline.cli import main

ASKED = ["label", "--model-name", "shop", "--labels", "something red,something blue"]


def ask(shop, *arguments, exit_code=0):
    result = CliRunner().invoke(main, [*arguments], env={"SIGHTLINE_HOME": str(shop.home)})
    assert result.exit_code == exit_code, result.output + str(result.exception)
    return result


def test_json_is_what_the_client_answers_of_all_items(shop):
    printed = json.loads(ask(shop, *ASKED, "--json").stdout)
    response = shop.client().label("shop", ["something red", "something blue"])
    assert printed == json.loads(json.dumps(dict(response)))
    assert len(printed["ids"]) == 24


def test_the_table_shows_ten_items_with_label_probability_and_title(shop):
    printed = shop.run(*ASKED).stdout
    first = shop.client().label("shop", ["something red", "something blue"], limit=1)
    row = next(line for line in printed.splitlines() if first.ids[0] in line)
    assert first.best[0] in row
    assert f"{first.scores[0]:.3f}" in row
    assert "image" in row
    assert "Thing number" in row
    assert printed.count("Thing number") == 10
    assert "judged by their words" in printed
    assert shop.run(*ASKED, "--limit", "24").stdout.count("Thing number") == 24


@pytest.mark.parametrize(
    "labels",
    [
        ["--labels", "red,blue"],
        ["--labels", '["red", "blue"]'],
        ["--label", "red", "--label", "blue"],
        ["--labels", "red", "--label", "blue"],
    ],
)
def test_labels_may_be_given_in_one_option_or_several(shop, labels):
    printed = json.loads(ask(shop, "label", "--model_name", "shop", *labels, "--json").stdout)
    assert printed["labels"] == ["red", "blue"]


def test_a_label_given_by_itself_may_hold_a_comma(shop):
    arguments = ["label", "--model-name", "shop", "--label", "red, plain", "--label", "blue"]
    assert json.loads(ask(shop, *arguments, "--json").stdout)["labels"] == ["red, plain", "blue"]


def test_options_narrow_the_answer_in_either_spelling(shop):
    arguments = ["--item_ids", '["red-0", "red-1", "blue-1"]', "--filter_predicate", "price > 0"]
    printed = json.loads(ask(shop, *ASKED, *arguments, "--template", "a {}", "--json").stdout)
    assert sorted(printed["ids"]) == ["blue-1", "red-1"]
    bare = json.loads(ask(shop, *ASKED, "--no-return-metadata", "--limit", "1", "--json").stdout)
    assert "metadata" not in bare
    assert len(bare["ids"]) == 1


@pytest.mark.parametrize("name", ["labels.parquet", "labels.csv"])
def test_the_output_has_a_row_of_every_item(shop, tmp_path, name):
    output = tmp_path / name
    printed = ask(shop, *ASKED, "--output", str(output)).stdout
    assert printed.splitlines()[0] == f"wrote 24 items to {output}"
    frame = pl.read_csv(output) if name.endswith("csv") else pl.read_parquet(output)
    response = shop.client().label("shop", ["something red", "something blue"])
    assert frame["item_id"].to_list() == response.ids
    assert frame["label"].to_list() == response.best
    assert frame["p_something red"].to_list() == [row[0] for row in response.probabilities]
    again = ask(shop, *ASKED, "--output", str(output), exit_code=1)
    assert "exists; give another name, or --overwrite" in again.stderr
    report = ask(shop, *ASKED, "--output", str(output), "--overwrite", "--limit", "3", "--json")
    assert json.loads(report.stdout)["rows"] == 3


def test_an_output_that_cannot_be_written_is_refused_before_the_model_is_changed(shop, tmp_path):
    for name in ("labels.xlsx", "taken.csv"):
        (tmp_path / "taken.csv").write_text("mine")
        asked = [*ASKED, "--column", "look", "--output", str(tmp_path / name)]
        assert ask(shop, *asked, exit_code=1).stderr.startswith("Error: ")
    assert shop.client().view_model("shop")["generation"] == 1
    assert (tmp_path / "taken.csv").read_text() == "mine"


def test_a_column_is_kept_and_shown_by_the_view(unbuilt):
    ask(unbuilt, "create-model", "--file", str(unbuilt.yaml))
    printed = ask(unbuilt, *ASKED, "--column", "look").stdout
    assert "generation 2 has the columns 'look'" in " ".join(printed.split())
    view = " ".join(unbuilt.run("view-model", "--model-name", "shop").stdout.split())
    assert "look something red, something blue image 22, text 2, nothing 0" in view
    rows = ["rank", "--model-name", "shop", "--filter-predicate", "look = 'something red'"]
    assert json.loads(ask(unbuilt, *rows, "--json").stdout)["ids"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "reason"),
    [
        (["label", "--model-name", "shop"], 2, "give --labels, --label, or both"),
        (["label", "--labels", "a,b"], 2, "--model-name"),
        ([*ASKED, "--limit", "0"], 2, "--limit"),
        (["label", "--model-name", "shop", "--labels", "a,a"], 1, "'a' stands twice"),
        (["label", "--model-name", "shop", "--label", "a"], 1, "is the only label"),
        ([*ASKED, "--column", "price"], 1, "'price' of fetch.items"),
        ([*ASKED, "--filter-predicate", "prize < 3"], 1, "did you mean 'price'"),
    ],
)
def test_wrong_use_is_told_in_one_line(shop, arguments, exit_code, reason):
    assert reason in ask(shop, *arguments, exit_code=exit_code).stderr
