import os
import subprocess
import sys

import pytest
import tiny_hub
from sightline.encode.hub import Hub
from sightline.errors import EncoderError

FILES = ["config.json", "model.safetensors"]


@pytest.fixture
def served():
    with tiny_hub.serving() as hub:
        yield hub


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 4096)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "1_Pooling/config.json").write_text('{"a": 1}')
    (folder / "odd [name].json").write_text("[]")
    return folder


@pytest.fixture
def hub(served, tmp_path):
    return Hub(served.address, tmp_path / "cache")


def test_a_listing_says_what_a_repository_holds(served, hub, model):
    repo = served.add("a/b", model, licence="mit")
    listing = hub.listing("a/b")
    assert listing.files == tuple(sorted(repo.revisions["main"]))
    assert (listing.licence, listing.commit) == ("mit", repo.commit("main"))
    assert len(served.asked) == 1


def test_only_the_chosen_files_are_downloaded_and_only_once(served, hub, model):
    served.add("a/b", model)
    chosen = [*FILES, "1_Pooling/config.json", "odd [name].json"]
    listing = hub.listing("a/b")
    folder = hub.download(listing, chosen)
    assert sorted(served.downloads()) == sorted(chosen)
    for file in chosen:
        assert (folder / file).read_bytes() == (model / file).read_bytes()
    assert folder.name == listing.commit
    hub.download(listing, chosen)
    assert len(served.downloads()) == len(chosen)


def test_a_revision_is_what_it_was_when_it_was_named(served, hub, model):
    served.add("a/b", model, "v1")
    (model / "config.json").write_text('{"new": 1}')
    served.add("a/b", model)
    folder = hub.download(hub.listing("a/b", "v1"), FILES)
    assert (folder / "config.json").read_text() == "{}"
    commit = served.repos["a/b"].commit("main")
    folder = hub.download(hub.listing("a/b", commit), FILES)
    assert "new" in (folder / "config.json").read_text()


def test_progress_is_told_in_megabytes_until_all_is_there(served, hub, model):
    (model / "model.safetensors").write_bytes(bytes(3 << 20))
    served.add("a/b", model)
    told = []
    hub.download(hub.listing("a/b"), FILES, lambda *heard: told.append(heard))
    assert told[-1] == ("downloading a/b (MB)", 3, 3)


def test_a_dropped_connection_is_taken_up_where_it_broke(served, hub, model):
    served.add("a/b", model)
    served.cut_off["model.safetensors"] = 100_000
    folder = hub.download(hub.listing("a/b"), FILES)
    content = (model / "model.safetensors").read_bytes()
    assert (folder / "model.safetensors").read_bytes() == content
    assert served.downloads().count("model.safetensors") == 2


def test_a_model_that_does_not_exist_is_said_to_be_private_or_misspelt(hub):
    with pytest.raises(EncoderError, match=r"no model 'a/none' at http.* private: check the spell"):
        hub.listing("a/none")


def test_an_unknown_revision_is_named(served, hub, model):
    served.add("a/b", model)
    with pytest.raises(EncoderError, match="'a/b' has no revision 'v9'"):
        hub.listing("a/b", "v9")


@pytest.mark.parametrize("token", [None, "hf_other"])
def test_a_gated_model_tells_where_its_terms_are_accepted(
    served, hub, model, token, tmp_path, monkeypatch
):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    served.add("a/b", model, gated=True)
    with pytest.raises(
        EncoderError, match=r"gated: accept its terms at http://[^ ]*/a/b, .*HF_TOK"
    ):
        hub.download(hub.listing("a/b"), FILES)


def test_a_token_opens_a_gated_model(served, hub, model, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_accepted")
    served.add("a/b", model, gated=True)
    assert (hub.download(hub.listing("a/b"), FILES) / "config.json").is_file()


def test_a_hub_that_is_down_is_told_with_its_status(served, hub):
    served.is_down = True
    with pytest.raises(EncoderError, match=r"refused 'a/b' with the status 503: try later"):
        hub.listing("a/b")


def test_without_a_network_the_error_says_what_was_tried_and_how_to_do_without(tmp_path):
    with tiny_hub.serving() as gone:
        address = gone.address
    hub = Hub(address, tmp_path / "cache")
    with pytest.raises(EncoderError) as caught:
        hub.listing("a/b", "v1")
    for part in ("'a/b@v1'", address, "ConnectError", str(tmp_path / "cache"), "encoders pull"):
        assert part in str(caught.value)


def test_without_a_network_the_cache_answers(model, tmp_path):
    with tiny_hub.serving() as served:
        served.add("a/b", model)
        online = Hub(served.address, tmp_path / "cache")
        folder = online.download(online.listing("a/b"), FILES)
        address = served.address
    hub = Hub(address, tmp_path / "cache")
    listing = hub.listing("a/b")
    assert (listing.files, listing.commit) == (tuple(FILES), folder.name)
    assert hub.download(listing, FILES) == folder
    with pytest.raises(EncoderError, match="'a/b@v1' cannot be had"):
        hub.listing("a/b", "v1")


def test_offline_mode_asks_nobody(served, model, tmp_path):
    served.add("a/b", model)
    code = (
        "from sightline.encode.hub import Hub; from sightline.errors import EncoderError\n"
        "try: Hub().listing('a/b')\n"
        "except EncoderError as error: print(error)"
    )
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": served.address,
        "HF_HOME": str(tmp_path / "hf"),
    }
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert "HF_HUB_OFFLINE is set" in said
    assert str(tmp_path / "hf") in said
    assert served.asked == []


def test_the_converters_pull_request_is_found_and_no_others(served, hub, model):
    served.add("a/b", model, "refs/pr/7")
    (model / "model.safetensors").unlink()
    served.add("a/b", model)
    assert hub.conversion("a/b").revision == "refs/pr/7"
    served.repos["a/b"].converter = "mallory"
    assert hub.conversion("a/b") is None
    served.repos["a/b"].converter = "SFconvertbot"
    served.add("a/b", model, "refs/pr/7")
    assert hub.conversion("a/b") is None
