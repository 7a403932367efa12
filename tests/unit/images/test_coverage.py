"""The report counts every cell under its reason and shows a few."""

import json

from sightline.images.coverage import Coverage
from sightline.images.outcome import Outcome
from sightline.images.picture import Picture


def filled():
    coverage = Coverage()
    coverage.count("front", Picture(0, Outcome.OK), "a.jpg")
    coverage.count("front", Picture(1, Outcome.MISSING), None)
    for number in range(5):
        picture = Picture(number, Outcome.HTTP_ERROR, "HTTP 403")
        coverage.count("front", picture, f"http://h/{number}.jpg")
    coverage.count("back", Picture(0, Outcome.NOT_AN_IMAGE, "HTML"), b"<html>")
    return coverage


def test_missing_is_not_failed():
    front = filled().columns["front"]
    assert (front.ok, front.missing, front.failed) == (1, 1, 5)


def test_reasons_come_with_a_few_examples():
    reasons = filled().to_dict()["columns"]["front"]["reasons"]
    assert reasons == {
        "http_error": {
            "count": 5,
            "examples": [f"http://h/{number}.jpg (HTTP 403)" for number in range(3)],
        }
    }


def test_total_adds_up_the_columns():
    total = filled().to_dict()["total"]
    assert (total["ok"], total["missing"], total["failed"]) == (1, 1, 6)
    assert set(total["reasons"]) == {"http_error", "not_an_image"}
    assert total["reasons"]["not_an_image"]["examples"] == ["6 bytes (HTML)"]


def test_totalling_does_not_change_the_columns():
    coverage = filled()
    coverage.total()
    assert coverage.to_dict() == filled().to_dict()


def test_report_survives_json():
    document = json.loads(json.dumps(filled().to_dict()))
    assert Coverage.from_dict(document).to_dict() == document


def test_examples_hide_passwords_and_are_short():
    coverage = Coverage()
    refused = Picture(0, Outcome.REFUSED, "credentials in the URL")
    coverage.count("front", refused, "http://me:secret@host/" + "x" * 1000)
    example = coverage.to_dict()["columns"]["front"]["reasons"]["refused"]["examples"][0]
    assert "secret" not in example
    assert len(example) < 250
