"""What became of every picture is kept with the model and listed, and the failed ones tried again.

The catalogue's pictures come from a server on loopback, which is asked for no more than it should.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest
from click.testing import CliRunner
from sightline import Client
from sightline.cli import main
from sightline.errors import ModelNotFoundError, OutputExistsError, SchemaError, UnsupportedError
from sightline.images.codec import encode
from sightline.store.generation import new_generation, open_active
from sightline.store.home import Home
from small_shop import COLOURS, draw

DOCUMENT = {
    "model": {"name": "shop"},
    "connectors": [{"id": "source", "type": "file"}],
    "fetch": {"items": "SELECT * FROM source"},
}
PICTURES = {f"/{name}.png": encode(draw(rgb, 0), "PNG") for name, rgb in COLOURS.items()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        status, body = self.server.answers.get(self.path, (404, b"nothing here"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = {path: (200, body) for path, body in PICTURES.items()}
        self.asked = []

    def handle_error(self, *_):
        """A client may hang up."""

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


@pytest.fixture
def server():
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def build(folder, items):
    """Make a model `shop` of items given as (id, front, back), and return its client."""
    (folder / "model.yaml").write_text(json.dumps(DOCUMENT))
    columns = {
        "item_id": [item for item, _, _ in items],
        "title": [f"Thing {item}" for item, _, _ in items],
        "front_image": [front for _, front, _ in items],
        "back_image": [back for _, _, back in items],
    }
    pl.DataFrame(columns).write_parquet(folder / "items.parquet")
    client = Client(
        folder / "home",
        allow_hosts=["127.0.0.1"],
        connections={"source": folder / "items.parquet"},
    )
    client.create_model(folder / "model.yaml")
    return client


@pytest.fixture
def shop(server, tmp_path):
    """A model with pictures of two columns, of which some cannot be had."""
    server.answers["/ill.png"] = (403, b"")
    server.answers["/page.png"] = (200, b"<html>soon</html>")
    server.answers["/copy.png"] = server.answers["/red.png"]
    (tmp_path / "local.png").write_bytes(PICTURES["/grey.png"])
    items = [
        ("A", server.url("/red.png"), server.url("/green.png")),
        ("B", server.url("/ill.png"), None),
        ("C", "local.png", server.url("/gone.png")),
        ("D", server.url("/page.png"), server.url("/copy.png")),
        ("E", None, "nowhere.png"),
    ]
    return build(tmp_path, items)


def ask(client, *arguments, exit_code=0):
    environment = {"SIGHTLINE_HOME": str(client.home.path), "COLUMNS": "160"}
    result = CliRunner().invoke(main, [*arguments], env=environment)
    assert result.exit_code == exit_code, result.output + str(result.exception)
    return result


LIST = ["images", "--model-name", "shop"]


def test_every_cell_of_every_image_column_is_listed_with_its_outcome(shop, server):
    pictures = shop.images("shop")
    told = zip(*(pictures[name] for name in ("item_id", "column", "outcome")), strict=True)
    assert list(told) == [
        ("A", "front_image", "ok"),
        ("B", "front_image", "http_error"),
        ("C", "front_image", "ok"),
        ("D", "front_image", "not_an_image"),
        ("E", "front_image", "missing"),
        ("A", "back_image", "ok"),
        ("B", "back_image", "missing"),
        ("C", "back_image", "not_found"),
        ("D", "back_image", "ok"),
        ("E", "back_image", "not_found"),
    ]
    assert pictures["cell"][1] == server.url("/ill.png")
    assert pictures["detail"][1] == "HTTP 403"
    copy = pictures.row(8, named=True)
    assert copy["near_duplicate_of"] == "A"
    assert copy["content_hash"] == pictures["content_hash"][0]


def test_the_table_is_a_sealed_file_of_the_generation(shop):
    generation = open_active(shop.home.model("shop"))
    assert "pictures.parquet" in generation.manifest["files"]
    kept = pl.read_parquet(generation.folder / "pictures.parquet")
    assert kept.equals(shop.images("shop"))


def test_the_report_counts_what_the_table_lists(shop):
    coverage = shop.view_model("shop")["coverage"]
    pictures = shop.images("shop")
    for name, counts in coverage["columns"].items():
        cells = pictures.filter(pl.col("column") == name)
        assert counts["ok"] == (cells["outcome"] == "ok").sum()
        assert counts["missing"] == (cells["outcome"] == "missing").sum()
        assert counts["duplicate"] == cells["near_duplicate_of"].count()
        for reason, fact in counts["reasons"].items():
            assert fact["count"] == (cells["outcome"] == reason).sum()
    assert coverage["total"]["failed"] == shop.images("shop", failed=True).height == 4
    assert coverage["total"]["duplicate"] == 1


@pytest.mark.parametrize(
    ("which", "items"),
    [
        ({"failed": True}, ["B", "D", "C", "E"]),
        ({"failed": True, "column": "back_image"}, ["C", "E"]),
        ({"column": "front_image"}, ["A", "B", "C", "D", "E"]),
        ({"outcomes": ["http_error", "not_an_image"]}, ["B", "D"]),
        ({"outcomes": ["duplicate"]}, ["D"]),
        ({"outcomes": ["missing", "duplicate"]}, ["E", "B", "D"]),
        ({"outcomes": ["ok"], "failed": True}, []),
        ({"outcomes": ["placeholder"]}, []),
    ],
)
def test_pictures_are_chosen_by_failure_column_and_outcome(shop, which, items):
    assert shop.images("shop", **which)["item_id"].to_list() == items


def test_wrong_choices_are_refused_by_name(shop):
    with pytest.raises(SchemaError, match=r"'title' is no image column.*'front_image'"):
        shop.images("shop", column="title")
    with pytest.raises(ValueError, match="no outcome 'lost'; it must be one of ok, missing"):
        shop.images("shop", outcomes=["lost"])
    with pytest.raises(ModelNotFoundError):
        shop.images("shed")


def test_the_command_lists_the_failed_ones(shop, server):
    printed = ask(shop, *LIST, "--failed").stdout
    rows = [line.split() for line in printed.splitlines()]
    assert ["B", "front_image", "http_error", "HTTP", "403", server.url("/ill.png")] in rows
    assert not any(row[:1] == ["A"] for row in rows)
    listed = json.loads(ask(shop, *LIST, "--failed", "--json").stdout)
    assert listed["total"] == 4
    assert listed["images"] == shop.images("shop", failed=True).to_dicts()
    few = json.loads(ask(shop, *LIST, "--outcome", "ok", "--limit", "1", "--json").stdout)
    assert (few["total"], len(few["images"])) == (4, 1)
    assert "2 of 10" in ask(shop, *LIST, "--limit", "2").stdout
    assert "no such pictures" in ask(shop, *LIST, "--outcome", "timeout").stdout


@pytest.mark.parametrize("name", ["failed.parquet", "failed.csv", "failed.json"])
def test_the_output_has_a_row_of_every_picture_chosen(shop, tmp_path, name):
    output = tmp_path / name
    printed = ask(shop, *LIST, "--failed", "--output", str(output)).stdout
    assert printed == f"wrote 4 pictures to {output}\n"
    read = {".csv": pl.read_csv, ".json": pl.read_json, ".parquet": pl.read_parquet}
    written = read[output.suffix](output)
    assert written["item_id"].to_list() == ["B", "D", "C", "E"]
    assert written.columns == shop.images("shop").columns
    refused = ask(shop, *LIST, "--output", str(output), exit_code=1)
    assert "exists" in refused.stderr
    again = ask(shop, *LIST, "--output", str(output), "--overwrite", "--limit", "3", "--json")
    assert json.loads(again.stdout) == {"file": str(output), "rows": 3}


def test_wrong_use_of_the_command_is_told_in_one_line(shop):
    assert "Invalid value for '--outcome'" in ask(shop, *LIST, "--outcome", "x", exit_code=2).stderr
    refused = ask(shop, *LIST, "--column", "title", exit_code=1).stderr
    assert refused.startswith("Error: 'title' is no image column")
    both = ask(shop, *LIST, "--retry-failed", "--limit", "3", exit_code=2).stderr
    assert "--retry-failed tries all that failed" in both


def test_the_view_shows_placeholders_duplicates_and_reasons(shop):
    printed = ask(shop, "view-model", "--model-name", "shop").stdout
    rows = [line.split() for line in printed.splitlines()]
    assert ["front_image", "2", "1", "2", "0", "0", "http_error", "1,", "not_an_image", "1"] in rows
    assert ["back_image", "2", "1", "2", "0", "1", "not_found", "2"] in rows


def test_retry_asks_just_for_what_failed_and_the_next_build_has_it_without_asking(
    shop, server, tmp_path
):
    server.answers["/ill.png"] = (200, PICTURES["/blue.png"])
    server.answers["/page.png"] = (200, PICTURES["/green.png"])
    (tmp_path / "nowhere.png").write_bytes(PICTURES["/red.png"])
    server.asked.clear()
    steps = []
    report = shop.retry_images("shop", on_progress=lambda *step: steps.append(step))
    assert sorted(server.asked) == ["/gone.png", "/ill.png", "/page.png"]
    assert report == {
        "model_name": "shop",
        "generation": 1,
        "retried": 4,
        "had": 3,
        "before": {"not_found": 2, "http_error": 1, "not_an_image": 1},
        "after": {"not_found": 1},
        "not_retried": 0,
    }
    assert steps
    assert shop.view_model("shop")["generation"] == 1
    assert shop.images("shop", failed=True).height == 4
    server.asked.clear()
    view = shop.update_model("shop")
    assert server.asked == ["/gone.png"]
    assert view["coverage"]["total"]["ok"] == 7
    assert shop.images("shop", failed=True)["item_id"].to_list() == ["C"]


def test_the_command_retries_and_says_what_to_do_then(shop, server, monkeypatch, tmp_path):
    server.answers["/ill.png"] = (200, PICTURES["/blue.png"])
    monkeypatch.chdir(tmp_path / "home")  # relative cells are of the model's folder, not of this
    server.asked.clear()
    done = ask(shop, *LIST, "--retry-failed")
    assert "/ill.png" in server.asked
    assert set(server.asked) <= {"/ill.png", "/gone.png", "/page.png"}
    assert "FETCHING" in done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["http_error", "1", "0"] in rows
    assert ["not_found", "2", "2"] in rows
    told = " ".join(done.stdout.split())
    assert "1 of 4 pictures that had failed are had now" in told
    assert "run `sightline update-model --model-name shop`" in told
    report = json.loads(ask(shop, *LIST, "--failed", "--retry-failed", "--json").stdout)
    assert (report["retried"], report["had"]) == (4, 1)


def test_hosts_of_the_build_are_still_open_in_a_retry_and_others_are_opened_by_name(
    server, tmp_path
):
    items = [("A", server.url("/red.png"), server.url("/x.png").replace("127.0.0.1", "localhost"))]
    shop = build(tmp_path, items)
    server.answers["/x.png"] = server.answers["/green.png"]
    elsewhere = Client(shop.home.path)
    assert elsewhere.retry_images("shop")["after"] == {"refused": 1}
    opened = ask(shop, *LIST, "--retry-failed", "--allow-hosts", "localhost", "--json")
    assert json.loads(opened.stdout)["had"] == 1


def test_bytes_cannot_be_tried_again_and_are_counted(server, tmp_path):
    items = [("A", PICTURES["/red.png"], server.url("/x.png")), ("B", b"<html>", None)]
    shop = build(tmp_path, items)
    server.answers["/x.png"] = server.answers["/green.png"]
    report = shop.retry_images("shop")
    assert (report["retried"], report["had"], report["not_retried"]) == (1, 1, 1)
    assert "only update-model reads those again" in ask(shop, *LIST, "--retry-failed").stdout


def test_nothing_failed_is_nothing_to_try_again(server, tmp_path):
    shop = build(tmp_path, [("A", server.url("/red.png"), None)])
    server.asked.clear()
    report = shop.retry_images("shop")
    assert (report["retried"], report["had"], report["before"], report["after"]) == (0, 0, {}, {})
    assert server.asked == []
    assert "no picture to try again" in ask(shop, *LIST, "--retry-failed").stdout


def test_generations_made_from_this_one_have_the_same_table(shop):
    before = shop.images("shop")
    shop.label("shop", ["a red thing", "a green thing"], column="look")
    assert shop.view_model("shop")["generation"] == 2
    assert shop.images("shop").equals(before)


def test_catalogue_without_pictures_has_an_empty_table(tmp_path):
    frame = pl.DataFrame({"item_id": ["A", "B"], "title": ["one", "two"]})
    client = Client(tmp_path / "home", connections={"source": frame})
    client.create_model(DOCUMENT)
    assert client.images("shop").height == 0
    assert client.retry_images("shop")["retried"] == 0
    with pytest.raises(SchemaError, match="it has none"):
        client.images("shop", column="title")


def test_generation_of_before_there_was_a_table_says_how_to_get_one(shop, tmp_path):
    folder = Home(tmp_path / "home").model("shop")
    older = open_active(folder)
    with new_generation(folder) as writer:
        for name in older.manifest["files"]:
            if name != "pictures.parquet":
                writer.share(older, name)
        written = ("format_version", "generation", "files", "pipeline")
        manifest = {key: value for key, value in older.manifest.items() if key not in written}
        for counts in manifest["coverage"]["columns"].values():
            del counts["placeholder"], counts["duplicate"]
        writer.commit(manifest)
    with pytest.raises(UnsupportedError, match=r"built before.*sightline update-model"):
        shop.images("shop")
    assert shop.rank("shop").ids
    assert "front_image" in ask(shop, "view-model", "--model-name", "shop").stdout
    shop.update_model("shop")
    assert shop.images("shop").height == 10


def test_output_that_is_there_is_refused_before_the_model_is_read(shop, tmp_path):
    from sightline.output import TableFile

    (tmp_path / "taken.json").write_text("[]")
    with pytest.raises(OutputExistsError):
        TableFile.to_write(tmp_path / "taken.json", overwrite=False)
