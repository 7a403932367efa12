import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from sightline.cli import main


def ask(shop, *arguments, exit_code=0):
    result = CliRunner().invoke(main, [*arguments], env={"SIGHTLINE_HOME": str(shop.home)})
    assert result.exit_code == exit_code, result.output + str(result.exception)
    return result


def answer(shop, *arguments):
    return json.loads(ask(shop, *arguments, "--json").stdout)


def commands(group=main, before=""):
    """Every command that does something, those of groups included."""
    found = []
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            assert command.help, name
            found += commands(command, f"{name} ")
        else:
            found.append((before + name, command))
    return found


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_and_option_has_help(name, command):
    assert command.help, name
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_speaks_json_and_takes_a_home(name, command):
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--home"} <= options, name


def test_rank_prints_what_the_client_answers(shop):
    printed = answer(shop, "rank", "--model-name", "shop", "--user-id", "U0", "--limit", "3")
    assert printed == json.loads(json.dumps(dict(shop.client().rank("shop", "U0", limit=3))))


@pytest.mark.parametrize(
    "arguments",
    [
        ["rank", "--model_name", "shop", "--user_id", "U0", "--filter_predicate", "price < 100"],
        ["complement_items", "--model-name", "shop", "--item_ids", '["red-0", "red-1"]'],
        ["complement-items", "--model-name", "shop", "--item-ids", "red-0,red-1"],
        ["complement-items", "--model-name", "shop", "--item-ids", "red-0", "--item-ids", "red-1"],
        ["similar", "--model-name", "shop", "--item-id", "red-0"],
        ["similar", "--model-name", "shop", "--user-id", "U0"],
        ["retrieve", "--model-name", "shop", "--text-query", "number 3"],
        ["retrieve", "--model-name", "shop", "--no-return-metadata"],
    ],
)
def test_names_may_be_spelt_with_dashes_or_underscores_and_lists_in_three_ways(shop, arguments):
    printed = answer(shop, *arguments, "--limit", "2")
    assert len(printed["ids"]) == len(printed["scores"]) == 2


def test_table_for_a_person_shows_id_score_title_and_reasons(shop):
    arguments = ["rank", "--model-name", "shop", "--user-id", "U0", "--limit", "2", "--explain"]
    printed = shop.run(*arguments).stdout
    assert "red-4" in printed
    assert "Thing number 4" in printed
    assert "looks like red-" in " ".join(printed.split())  # a cell may be of several lines


def test_an_explained_table_says_how_the_nearest_were_found_and_a_plain_one_does_not(shop):
    arguments = ["similar", "--model-name", "shop", "--item-id", "red-1", "--limit", "2"]
    assert "nearest: looks by scan, meaning by scan" in shop.run(*arguments, "--explain").stdout
    assert "nearest" not in shop.run(*arguments).stdout


def test_home_may_be_given_before_or_after_the_command(shop, tmp_path):
    home = str(shop.home)
    for arguments in (["--home", home, "list-models"], ["list-models", "--home", home]):
        result = CliRunner().invoke(
            main, [*arguments, "--json"], env={"SIGHTLINE_HOME": str(tmp_path)}
        )
        assert [entry["model_name"] for entry in json.loads(result.stdout)["models"]] == ["shop"]


def test_note_is_printed(shop):
    printed = ask(shop, "rank", "--model-name", "shop", "--user-id", "nobody").stdout
    assert "trending for everyone" in " ".join(printed.split())


def test_picture_as_a_query(shop):
    picture = str(shop.folder / "pictures" / "blue-0.png")
    printed = answer(shop, "retrieve", "--model-name", "shop", "--image", picture, "--limit", "6")
    assert {item.partition("-")[0] for item in printed["ids"]} == {"blue"}


def test_error_is_one_line_on_stderr_and_exit_code_one(shop):
    result = shop.run("rank", "--model-name", "nope", check=False)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("Error: no model 'nope'")


@pytest.mark.parametrize(
    "arguments",
    [
        ["rank"],
        ["rank", "--model-name", "shop", "--limit", "0"],
        ["similar", "--model-name", "shop"],
        ["complement-items", "--model-name", "shop"],
        ["complement-items", "--model-name", "shop", "--item-ids", "[oops"],
        ["create-model", "--file", "nowhere.yaml"],
        ["update-model"],
        ["index", "nowhere"],
        ["create-dataset"],
        ["nonsense"],
    ],
)
def test_wrong_use_is_exit_code_two(shop, arguments):
    ask(shop, *arguments, exit_code=2)


def test_create_shows_progress_on_stderr_and_a_report_on_stdout(unbuilt):
    result = unbuilt.run("create-model", "--file", "model.yaml")
    assert [line.split()[0] for line in result.stderr.splitlines()][-1] == "ACTIVE"
    for expected in ("24 items", "96 events", "24 users", "not_found 1", "not measured"):
        assert expected in result.stdout
    assert "FETCHING" in result.stdout


def test_connector_that_the_yaml_does_not_have_is_refused(unbuilt):
    arguments = ["validate", "--file", "model.yaml", "--connect", "itmes_source=items.csv"]
    result = unbuilt.run(*arguments, check=False)
    assert result.returncode == 1
    assert "'itmes_source'" in result.stderr
    assert "items_source" in result.stderr


def test_cells_that_became_null_are_shown(unbuilt):
    text = (unbuilt.folder / "items.csv").read_text().replace("20.0", "inf")
    (unbuilt.folder / "items.csv").write_text(text)
    printed = " ".join(unbuilt.run("validate", "--file", "model.yaml").stdout.split())
    assert "4 price:" in printed


def test_title_that_would_steer_the_terminal_is_printed_without_its_controls(unbuilt):
    text = (unbuilt.folder / "items.csv").read_text().replace("Thing number 0", "\x1b[31mred\x07")
    (unbuilt.folder / "items.csv").write_text(text)
    unbuilt.run("create-model", "--file", "model.yaml")
    printed = unbuilt.run("rank", "--model-name", "shop", "--limit", "24").stdout
    assert "[31mred" in printed
    assert "\x1b" not in printed
    assert "\x07" not in printed


def test_empty_list_of_items_ranks_nothing(shop):
    assert answer(shop, "rank", "--model-name", "shop", "--item-ids", "[]")["ids"] == []


def test_sources_may_be_bound_on_the_command_line(unbuilt):
    text = unbuilt.yaml.read_text().replace(", path: items.csv", "")
    unbuilt.yaml.write_text(text)
    unbound = unbuilt.run("validate", "--file", "model.yaml", check=False)
    assert unbound.returncode == 1
    assert "--connect items_source=" in unbound.stderr
    bound = unbuilt.run("validate", "--file", "model.yaml", "--connect", "items_source=items.csv")
    assert "24" in bound.stdout


def test_models_can_be_listed_viewed_and_deleted(unbuilt):
    unbuilt.run("create-model", "--file", "model.yaml")
    assert answer(unbuilt, "list-models")["models"][0]["status"] == "ACTIVE"
    assert "ACTIVE" in ask(unbuilt, "view-model", "--model-name", "shop").stdout
    ask(unbuilt, "delete-model", "--model-name", "shop")
    assert answer(unbuilt, "list-models") == {"models": []}
    assert "no models yet" in ask(unbuilt, "list-models").stdout


def test_dataset_is_made_filled_listed_used_and_deleted(unbuilt):
    ask(unbuilt, "create-dataset", "--dataset-name", "events")
    events = str(unbuilt.folder / "events.csv")
    inserted = answer(unbuilt, "dataset-insert", "--dataset-name", "events", "--file", events)
    assert inserted == {"dataset_name": "events", "rows": 96, "nulled": {}, "unread": {}}
    assert answer(unbuilt, "list-datasets")["datasets"][0]["rows"] == 96
    text = unbuilt.yaml.read_text()
    source = "{id: events_source, type: file, path: events.csv}"
    unbuilt.yaml.write_text(
        text.replace(source, "{id: events_source, type: Dataset, name: events}")
    )
    report = answer(unbuilt, "validate", "--file", str(unbuilt.yaml))
    assert report["tables"]["events"]["kept"] == 96
    ask(unbuilt, "delete-dataset", "--dataset-name", "events")
    assert "no datasets yet" in ask(unbuilt, "list-datasets").stdout


def test_folder_of_pictures_becomes_a_model_and_only_changes_are_encoded_again(unbuilt):
    view = answer(unbuilt, "index", str(unbuilt.folder / "pictures"))
    assert view["model_name"] == "pictures"
    assert view["counts"]["items"] == 22
    like = answer(unbuilt, "similar", "--model-name", "pictures", "--item-id", "red-0.png")
    assert all(item.startswith("red-") for item in like["ids"][:5])
    vectors = sorted((unbuilt.home / "cache" / "vectors").rglob("*.npy"))
    (unbuilt.folder / "pictures" / "red-5.png").unlink()
    again = answer(unbuilt, "index", str(unbuilt.folder / "pictures"))
    assert (again["generation"], again["counts"]["items"]) == (2, 21)
    assert sorted((unbuilt.home / "cache" / "vectors").rglob("*.npy")) == vectors
    assert answer(unbuilt, "update-model", "--model-name", "pictures")["generation"] == 3


def test_folder_without_pictures_says_what_was_looked_for(unbuilt, tmp_path):
    (tmp_path / "empty").mkdir()
    result = unbuilt.run("index", str(tmp_path / "empty"), check=False)
    assert result.returncode == 1
    assert ".jpg" in result.stderr


def test_help_says_where_to_start():
    shown = subprocess.run(
        [sys.executable, "-m", "sightline", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for command in ("demo", "index", "create-model"):
        assert f"sightline {command}" in shown
