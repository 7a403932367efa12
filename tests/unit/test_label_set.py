import pytest
from sightline.config import load_config
from sightline.errors import ConfigError, LabelError, SchemaError
from sightline.label_set import (
    TEMPLATES,
    LabelColumn,
    LabelSet,
    document_with,
    kept_columns,
    read_label_columns,
    refuse_taken,
)


def column(name, *labels):
    return LabelColumn.of(name, LabelSet.of(labels or ("red", "blue")))


def test_labels_lose_their_outer_blanks_and_are_read_in_three_templates():
    asked = LabelSet.of([" red dress ", "striped shirt"])
    assert asked.labels == ("red dress", "striped shirt")
    assert asked.templates == TEMPLATES
    assert asked.prompts()[:4] == [
        "red dress",
        "a photo of red dress",
        "a picture of red dress",
        "striped shirt",
    ]


def test_one_template_may_be_a_text_and_braces_of_a_label_stay():
    asked = LabelSet.of(["{0}", "b"], "This is {}.")
    assert asked.prompts() == ["This is {0}.", "This is b."]


@pytest.mark.parametrize(
    ("labels", "templates", "reason"),
    [
        ([], None, "at least one label"),
        (["red", " "], None, "none that is blank"),
        (["red", " red"], None, "'red' stands twice"),
        (["red", 38], None, "38 is no text; put it in quotes"),
        (["red", True], None, "True is no text"),
        (["red"], [], "at least one template"),
        (["red"], "a photo", "'a photo' has no {}"),
        (["red"], ["{}", "{}"], "'{}' stands twice"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused(labels, templates, reason):
    with pytest.raises(LabelError, match=reason):
        LabelSet.of(labels, templates)


def test_one_text_in_place_of_a_list_of_labels_is_a_type_error():
    with pytest.raises(TypeError, match="'red,blue'"):
        LabelSet.of("red,blue")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", 3])
def test_a_name_that_no_column_can_have_is_refused(name):
    with pytest.raises(LabelError, match="cannot name a column"):
        LabelColumn.of(name, LabelSet.of(["red"]))


def test_the_yaml_maps_columns_to_labels_and_maybe_templates():
    style, fit = read_label_columns(
        {
            "style": ["striped", "plain"],
            "fit": {"labels": ["slim", "wide"], "templates": ["{} trousers"]},
        }
    )
    assert (style.name, style.asked) == ("style", LabelSet(("striped", "plain")))
    assert style.names == ("style", "style_probability")
    assert fit.asked.prompts() == ["slim trousers", "wide trousers"]
    assert read_label_columns(None) == read_label_columns({}) == ()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (["red"], "model.labels must map columns to labels"),
        ({"style": "red"}, "model.labels.style must be a list of labels"),
        ({"style": {"labels": ["a"], "template": "{}"}}, "Did you mean 'templates'"),
        ({"style": {"templates": ["{}"]}}, "must be a list of labels"),
        ({"style": [True, "b"]}, "model.labels.style: label True is no text"),
        ({3: ["a"]}, "3 cannot name a column"),
    ],
)
def test_labels_of_a_yaml_that_are_none_are_refused_by_name(value, reason):
    with pytest.raises(ConfigError, match=reason):
        read_label_columns(value)


def test_what_is_written_to_a_document_is_read_from_it():
    columns = (column("style"), LabelColumn.of("fit", LabelSet.of(["a", "b"], ["{}!"])))
    document = {
        "model": {"name": "shop", "labels": {"old": ["x", "y"]}},
        "connectors": [{"id": "items", "path": "items.csv"}],
        "fetch": {"items": "SELECT * FROM items"},
    }
    written = document_with(document, columns)
    assert load_config(written).labels == columns
    assert written["model"]["labels"]["style"] == ["red", "blue"]
    assert "labels" not in document_with(document, [])["model"]
    assert load_config(document).labels[0].name == "old"


def test_a_generation_of_before_there_were_labels_does_not_speak_of_them():
    assert kept_columns({}) is None
    assert kept_columns({"labels": {}}) == ()


@pytest.mark.parametrize(
    ("columns", "taken", "named"),
    [
        ([column("style")], ["Style"], "'Style' of fetch.items"),
        ([column("style")], ["style_probability"], "'style_probability' of fetch.items"),
        ([column("style"), column("style_probability")], [], "a label column 'style_probability'"),
        ([column("a"), column("A")], [], "a label column 'a'"),
    ],
)
def test_a_label_column_takes_no_name_that_another_column_has(columns, taken, named):
    with pytest.raises(SchemaError, match=named):
        refuse_taken(columns, taken)
