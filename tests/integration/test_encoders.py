import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_hub
import tiny_layouts
from click.testing import CliRunner
from sightline.cli import main
from sightline.encode.hub import Hub
from sightline.encoders import Encoders
from sightline.errors import EncoderError
from sightline.store.home import Home
from sightline_models.build import build_pack
from tiny_checkpoints import write_clip_checkpoint

NAME = "owner/tiny-clip"


@pytest.fixture
def served():
    with tiny_hub.serving() as hub:
        yield hub


@pytest.fixture
def checkpoint(tmp_path):
    return write_clip_checkpoint(tmp_path / "checkpoint")


@pytest.fixture
def encoders(served, tmp_path):
    return at(served.address, tmp_path)


def at(address, tmp_path, home="home", cache="cache"):
    return Encoders(Home(tmp_path / home), hub=Hub(address, tmp_path / cache))


def vectors(encoder):
    pixels = np.random.default_rng(0).integers(0, 256, (3, *[encoder.images.view.side] * 2, 3))
    texts = encoder.texts.encode(["red shoe", "blue", ""]) if encoder.texts else None
    return encoder.images.encode(pixels.astype(np.uint8)), texts


def same(one, other):
    for ours, theirs in zip(vectors(one), vectors(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_bundled_encoder_needs_no_pack(encoders, served):
    encoder = encoders.open("attributes")
    assert (encoder.texts, encoder.is_joint) == (None, False)
    same(encoders.reopen(encoders.record(encoder)), encoder)
    assert served.asked == []
    with pytest.raises(EncoderError, match="no precisions"):
        encoders.open("attributes:int8")


def test_a_checkpoint_is_pulled_and_built_on_first_use_and_no_one_is_asked_again(
    encoders, served, checkpoint
):
    served.add(NAME, checkpoint, licence="mit")
    told = []
    encoder = encoders.open(NAME, progress=lambda *heard: told.append(heard[0]))
    pictures, texts = vectors(encoder)
    assert pictures.shape == texts.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, atol=1e-6)
    assert encoder.is_joint
    assert {"building", f"looking for {NAME}", f"downloading {NAME} (MB)"} <= set(told)
    served.asked.clear()
    same(encoders.open(NAME), encoder)
    assert encoders.open(f"{NAME}:fp32").name == f"{NAME}:fp32"
    assert served.asked == []
    shown = encoders.show(NAME)
    commit = served.repos[NAME].commit("main")
    assert (shown["licence"], shown["revision"], shown["source"]) == ("mit", commit, NAME)
    assert shown["reads"] == "pictures and texts"


def test_a_pulled_pack_is_what_the_builder_makes_of_the_folder(
    encoders, served, checkpoint, tmp_path
):
    served.add(NAME, checkpoint)
    encoders.open(NAME)
    (tmp_path / "built").mkdir()
    pack = build_pack(checkpoint, tmp_path / "built", name=NAME)
    shown = encoders.show(NAME)
    assert shown["fingerprints"] == {
        "images": pack.fingerprint(pack.visual),
        "texts": pack.fingerprint(pack.textual),
    }


def test_pickles_are_never_downloaded(encoders, served, checkpoint):
    (checkpoint / "pytorch_model.bin").write_bytes(b"pickle")
    (checkpoint / "README.md").write_text("# Tiny")
    served.add(NAME, checkpoint)
    encoders.open(NAME)
    assert "model.safetensors" in served.downloads()
    assert not {"pytorch_model.bin", "README.md"} & set(served.downloads())


def test_a_model_with_nothing_but_a_pickle_is_refused_with_what_to_do(encoders, served, checkpoint):
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    served.add(NAME, checkpoint)
    with pytest.raises(EncoderError, match=r"only as pytorch_model\.bin.* convert it .*save_file"):
        encoders.open(NAME)
    assert served.downloads() == []
    assert [line["name"] for line in encoders.list()] == ["sightline-mini", "attributes"]


def test_the_converters_safetensors_take_the_place_of_a_pickle(encoders, served, checkpoint):
    served.add(NAME, checkpoint, "refs/pr/12")
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    served.add(NAME, checkpoint)
    assert vectors(encoders.open(NAME))[0].shape == (3, 16)
    assert encoders.show(NAME)["source"] == f"{NAME}@refs/pr/12"
    assert encoders.show(NAME)["revision"] == served.repos[NAME].commit("refs/pr/12")


def test_a_well_known_name_falls_back_to_where_its_weights_are_ready(encoders, served, tmp_path):
    folder = tmp_path / "pickles"
    tiny_layouts.write_json(folder / "config.json", {"model_type": "clip"})
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    served.add("openai/clip-vit-base-patch32", folder)
    ready = tiny_layouts.write_transformers_js(tmp_path / "ready", suffixes=("", "_quantized"))
    served.add("Xenova/clip-vit-base-patch32", ready)
    encoder = encoders.open("openai/clip-vit-base-patch32:int8")
    assert vectors(encoder)[1].shape == (3, tiny_layouts.DIM)
    shown = encoders.show("openai/clip-vit-base-patch32:int8")
    assert shown["source"].startswith("Xenova/clip-vit-base-patch32 (the same weights")
    assert (shown["precision"], shown["licence"]) == ("int8", "MIT")
    assert "onnx/vision_model.onnx" not in served.downloads()


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("ViT-Tiny__random", tiny_layouts.write_immich),
        ("owner/js", tiny_layouts.write_transformers_js),
    ],
)
def test_a_ready_layout_is_taken_as_it_is(encoders, served, tmp_path, name, write):
    folder = write(tmp_path / "ready")
    served.add(name if "/" in name else f"immich-app/{name}", folder)
    encoder = encoders.open(name)
    same(encoders.open(str(folder)), encoder)
    shown = encoders.show(name)
    graph = next(file for file in shown["files"] if file.endswith(".onnx"))
    assert (Path(shown["folder"]) / graph).read_bytes() == (folder / graph).read_bytes()
    shutil.rmtree(tmp_path / "cache")  # the home stands on its own
    same(at(served.address, tmp_path).open(name), encoder)


def test_a_pair_of_repositories_is_one_encoder(encoders, served, tmp_path):
    vision, text = tiny_layouts.write_fastembed_pair(tmp_path)
    served.add("Qdrant/clip-tiny-vision", vision)
    served.add("Qdrant/clip-tiny-text", text)
    encoder = encoders.open("Qdrant/clip-tiny-text")
    assert encoder.is_joint
    same(encoders.open(str(vision)), encoder)
    assert encoders.show("Qdrant/clip-tiny-text")["source"].count("Qdrant/") == 2


def test_half_a_pair_stands_alone_where_the_other_does_not_exist(encoders, served, tmp_path):
    vision, _ = tiny_layouts.write_fastembed_pair(tmp_path)
    served.add("Qdrant/clip-tiny-vision", vision)
    encoder = encoders.open("Qdrant/clip-tiny-vision")
    assert (encoder.texts, encoder.is_joint) == (None, False)


def test_a_safetensors_checkpoint_goes_before_ready_graphs(encoders, served, checkpoint):
    tiny_layouts.write_visual(checkpoint / "onnx/vision_model.onnx")
    served.add(NAME, checkpoint)
    encoders.open(NAME)
    assert encoders.show(NAME)["files"].keys() >= {"visual/model.onnx", "textual/model.onnx"}


def test_a_checkpoint_of_an_unknown_architecture_goes_behind_ready_graphs(
    encoders, served, tmp_path
):
    folder = tiny_layouts.write_transformers_js(tmp_path / "ready")
    tiny_layouts.write_json(folder / "config.json", {"model_type": "novel"})
    (folder / "model.safetensors").write_bytes(b"")
    served.add(NAME, folder)
    assert vectors(encoders.open(NAME))[0].shape == (3, tiny_layouts.DIM)
    shutil.rmtree(folder / "onnx")
    served.add("owner/novel", folder)
    with pytest.raises(EncoderError, match=r"owner/novel is a checkpoint of 'novel'.*torch"):
        encoders.open("owner/novel")


def test_a_precision_that_only_others_have_is_refused(encoders, served, tmp_path):
    served.add(NAME, tiny_layouts.write_transformers_js(tmp_path / "ready"))
    with pytest.raises(EncoderError, match="ready-made as fp32, not as int8: leave the precision"):
        encoders.open(f"{NAME}:int8")


def test_words_alone_leave_pictures_to_the_default_tower(encoders, served, tmp_path):
    served.add(NAME, tiny_layouts.write_sentence_onnx(tmp_path / "st"))
    encoder = encoders.open(NAME)
    assert (encoder.images.dim, encoder.texts.dim, encoder.is_joint) == (256, 4, False)
    record = encoders.record(encoder)
    same(encoders.reopen(record), encoder)


def test_precisions_of_one_name_are_packs_of_their_own(encoders, served, checkpoint):
    served.add(NAME, checkpoint)
    int8, fp32 = encoders.open(f"{NAME}:int8"), encoders.open(NAME)
    assert int8.images.fingerprint != fp32.images.fingerprint
    assert encoders.open(f"{NAME}:int8").images.fingerprint == int8.images.fingerprint
    assert [line["precision"] for line in encoders.list()[2:]] == ["fp32", "int8"]
    agreement = (vectors(int8)[0] * vectors(fp32)[0]).sum(axis=1)
    assert agreement.min() > 0.9


def test_a_built_pack_is_checked_against_what_its_float32_graphs_made(encoders, served, checkpoint):
    served.add(NAME, checkpoint)
    report = encoders.check(NAME)
    assert report["dim"] == 16
    assert report["device"].startswith("cpu")
    for tower in ("images", "texts"):
        assert report["agreement"][tower]["max_abs"] < 1e-6
    assert min(report[key] for key in ("images_per_second", "texts_per_second", "query_ms")) > 0
    exact = {name: sha256 for name, sha256 in report["files"].items() if "reference" in name}
    assert set(exact) == {"reference_images.npy", "reference_texts.npy"}
    int8 = encoders.check(f"{NAME}:int8")
    for tower in ("images", "texts"):
        assert 0.9 < int8["agreement"][tower]["cosine"] < 1 - 1e-6
    assert {name: int8["files"][name] for name in exact} == exact


def test_ready_graphs_are_checked_against_themselves(encoders, tmp_path):
    folder = tiny_layouts.write_transformers_js(tmp_path / "ready")
    report = encoders.check(str(folder))
    assert report["agreement"]["texts"]["cosine"] == pytest.approx(1)


def test_words_alone_are_checked_by_words(encoders, tmp_path):
    report = encoders.check(str(tiny_layouts.write_sentence_onnx(tmp_path / "st")))
    assert set(report["agreement"]) == {"texts"}
    assert encoders.check("attributes")["images_per_second"] > 0


def test_a_check_hashes_files_that_look_untouched(encoders, served, checkpoint):
    served.add(NAME, checkpoint)
    encoders.open(NAME)
    graph = Path(encoders.show(NAME)["folder"]) / "visual/model.onnx"
    kept = graph.stat()
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.write_bytes(content)
    os.utime(graph, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    encoders.open(NAME)
    with pytest.raises(EncoderError, match=r"visual/model\.onnx is not what it was"):
        encoders.check(NAME)


def test_a_model_of_nonsense_is_refused_when_it_is_built(encoders, checkpoint):
    path = checkpoint / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-4_000:] = np.full(1_000, np.nan, "<f4").tobytes()
    path.write_bytes(content)
    with pytest.raises(EncoderError, match=r"NaN|finite"):
        encoders.open(str(checkpoint))
    assert len(encoders.list()) == 2


def test_a_pull_asks_again_and_generations_keep_what_they_were_built_with(
    encoders, served, checkpoint
):
    served.add(NAME, checkpoint)
    old = encoders.open(NAME)
    record = encoders.record(old)
    before = vectors(old)
    write_clip_checkpoint(checkpoint, seed=1)
    served.add(NAME, checkpoint)
    assert encoders.open(NAME).images.fingerprint == old.images.fingerprint
    shown = encoders.pull(NAME)
    assert shown["revision"] == served.repos[NAME].commit("main")
    new = encoders.open(NAME)
    assert new.images.fingerprint == shown["fingerprints"]["images"] != old.images.fingerprint
    reopened = encoders.reopen(json.loads(json.dumps(record)))
    for ours, theirs in zip(vectors(reopened), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_pull_of_what_is_current_downloads_nothing(encoders, served, checkpoint):
    served.add(NAME, checkpoint)
    first = encoders.pull(NAME)
    served.asked.clear()
    assert encoders.pull(NAME) == first
    assert "model.safetensors" not in served.downloads()


def test_an_encoder_that_is_gone_is_missed_by_its_models(encoders, served, checkpoint, tmp_path):
    served.add(NAME, checkpoint)
    record = encoders.record(encoders.open(NAME))
    shutil.rmtree(tmp_path / "home/encoders")
    served.asked.clear()
    with pytest.raises(EncoderError, match=r"another version of the encoder.*update-model"):
        encoders.reopen(record)
    assert served.asked == []


def test_a_copied_home_opens_elsewhere_without_a_network(served, checkpoint, tmp_path):
    served.add(NAME, checkpoint)
    encoders = at(served.address, tmp_path)
    encoder = encoders.open(NAME)
    record = encoders.record(encoder)
    shutil.copytree(tmp_path / "home", tmp_path / "elsewhere")
    away = at("http://127.0.0.1:9", tmp_path, "elsewhere", "no-cache")
    same(away.open(NAME), encoder)
    same(away.reopen(record), encoder)


def test_a_changed_file_is_found_and_a_pull_repairs_it(served, checkpoint, tmp_path):
    served.add(NAME, checkpoint)
    encoder = at(served.address, tmp_path).open(NAME)
    expected = vectors(encoder)
    graph = Path(at(served.address, tmp_path).show(NAME)["folder"]) / "visual/model.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    encoders = at(served.address, tmp_path)
    with pytest.raises(EncoderError, match=rf"visual/model\.onnx is not what.*pull {NAME}:fp32"):
        encoders.open(NAME)
    encoders.pull(NAME)
    for ours, theirs in zip(vectors(encoders.open(NAME)), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    graph.unlink()
    with pytest.raises(EncoderError, match=r"visual/model\.onnx is missing"):
        at(served.address, tmp_path).open(NAME)


def test_files_are_hashed_once_and_again_when_they_change(served, checkpoint, tmp_path):
    served.add(NAME, checkpoint)
    encoders = at(served.address, tmp_path)
    encoders.open(NAME)
    graph = Path(encoders.show(NAME)["folder"]) / "visual/model.onnx"
    stamp = next((tmp_path / "home/encoders").glob(".verified-*.json"))
    before = stamp.stat().st_mtime_ns
    at(served.address, tmp_path).open(NAME)
    assert stamp.stat().st_mtime_ns == before
    os.utime(graph)
    at(served.address, tmp_path).open(NAME)
    assert stamp.stat().st_mtime_ns > before


@pytest.mark.parametrize("failure", ["cut", "damaged"])
def test_a_pull_that_fails_leaves_nothing_and_the_next_one_works(
    served, checkpoint, tmp_path, failure
):
    served.add(NAME, checkpoint)
    good = served.repos[NAME].revisions["main"]["model.safetensors"]
    if failure == "damaged":
        served.repos[NAME].revisions["main"]["model.safetensors"] = good[: len(good) // 2]
    else:
        served.is_down = True
    encoders = at(served.address, tmp_path)
    with pytest.raises(EncoderError, match=r"503|damaged or not safetensors"):
        encoders.open(NAME)
    assert list((tmp_path / "home").glob("encoders/*")) == []
    served.is_down = False
    served.repos[NAME].revisions["main"]["model.safetensors"] = good
    assert vectors(encoders.open(NAME))[0].shape == (3, 16)


def test_what_a_killed_process_left_is_swept(encoders, served, checkpoint, tmp_path):
    served.add(NAME, checkpoint)
    left = tmp_path / "home/encoders/.partial-pack/visual"
    left.mkdir(parents=True)
    (left / "model.onnx").write_bytes(b"half")
    vectors(encoders.open(NAME))
    assert not left.exists()


def written(folder):
    """When each file was written, and which it is; not when it was read."""
    stats = {path: path.stat() for path in folder.rglob("*")}
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def test_a_local_pack_is_used_in_place(encoders, checkpoint, tmp_path):
    folder = tmp_path / "pack"
    folder.mkdir()
    build_pack(checkpoint, folder, name=NAME)
    before = written(folder)
    encoder = encoders.open(str(folder))
    record = encoders.record(encoder)
    assert written(folder) == before
    same(encoders.reopen(record), encoder)
    assert encoders.show(str(folder))["folder"] == str(folder)
    (folder / "visual/model.onnx").write_bytes(b"changed")
    with pytest.raises(EncoderError, match=r"model\.onnx is not what it was"):
        encoders.open(str(folder))


def test_a_pack_that_names_files_outside_its_folder_is_refused(encoders, checkpoint, tmp_path):
    folder = tmp_path / "pack"
    folder.mkdir()
    build_pack(checkpoint, folder, name=NAME)
    toml = folder / "pack.toml"
    toml.write_text(toml.read_text().replace("textual/tokenizer.json", "../secret.json"))
    with pytest.raises(EncoderError, match=r"names '\.\./secret\.json'"):
        encoders.open(str(folder))


def test_a_local_ready_folder_is_read_again_when_it_changes(encoders, tmp_path):
    folder = tiny_layouts.write_transformers_js(tmp_path / "ready")
    first = encoders.open(str(folder))
    record = encoders.record(first)
    tiny_layouts.write_visual(folder / "onnx/vision_model.onnx", side=None, seed=5)
    second = encoders.open(str(folder))
    assert first.images.fingerprint != second.images.fingerprint
    with pytest.raises(EncoderError, match="is not what it was"):
        encoders.reopen(record)


def test_a_local_checkpoint_is_built_into_the_home_and_anew_when_it_changes(
    encoders, checkpoint, served
):
    before = sorted(checkpoint.rglob("*"))
    first = encoders.open(str(checkpoint))
    assert encoders.open(str(checkpoint)).images.fingerprint == first.images.fingerprint
    assert len(encoders.list()) == 3
    write_clip_checkpoint(checkpoint, seed=3)
    second = encoders.open(str(checkpoint))
    assert first.images.fingerprint != second.images.fingerprint
    assert sorted(checkpoint.rglob("*")) == before
    assert served.asked == []


def test_a_folder_is_built_under_a_name_of_its_own(encoders, checkpoint):
    shown = encoders.build(checkpoint, name="my-clip", precision="int8")
    assert (shown["name"], shown["precision"]) == ("my-clip", "int8")
    assert vectors(encoders.open("my-clip:int8"))[0].shape == (3, 16)
    assert encoders.build(checkpoint, name="owner/offline")["name"] == "owner/offline"
    assert encoders.open("owner/offline").is_joint
    for unfit in ("attributes", "sightline-mini", "a/b@v1", "x:int8", "./x"):
        with pytest.raises(EncoderError, match="cannot be"):
            encoders.build(checkpoint, name=unfit)


def test_folders_that_are_no_encoders_are_refused(encoders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError, match="holds no encoder"):
        encoders.open(str(tmp_path / "empty"))
    with pytest.raises(EncoderError, match="there is no folder"):
        encoders.open(str(tmp_path / "gone"))
    with pytest.raises(EncoderError, match="there is no folder"):
        encoders.build(tmp_path / "gone")


def test_names_that_nobody_knows_are_met_with_those_that_are_near(encoders, checkpoint):
    encoders.build(checkpoint, name="my-clip")
    with pytest.raises(EncoderError, match=r"no encoder 'my-klip'.*is my-clip meant"):
        encoders.open("my-klip")
    with pytest.raises(EncoderError, match=r"is sentence-transformers/all-MiniLM-L6-v2 meant"):
        encoders.open("all-MiniLM-L6-v2")
    with pytest.raises(EncoderError, match=r"Is openai/clip-vit-base-patch32 or .* meant"):
        encoders.open("openai/clip-vit-base-patch-32")
    with pytest.raises(EncoderError, match="nothing to pull"):
        encoders.pull("my-clip")


def test_what_is_known_of_a_name_is_shown_before_it_is_pulled(encoders, served):
    shown = encoders.show("openai/clip-vit-base-patch32")
    assert (shown["dim"], shown["folder"]) == (512, None)
    assert encoders.show("attributes")["dim"] == 342
    with pytest.raises(EncoderError, match="encoders pull owner/none"):
        encoders.show("owner/none")
    assert served.asked == []


def test_a_query_opens_its_encoder_without_the_libraries_that_build_it(
    encoders, served, checkpoint, tmp_path
):
    served.add(NAME, checkpoint)
    record = encoders.record(encoders.open(NAME))
    code = (
        "import sys\n"
        "from sightline.encoders import Encoders; from sightline.store.home import Home\n"
        f"encoder = Encoders(Home({str(tmp_path / 'home')!r})).reopen({record!r})\n"
        "print(encoder.texts.encode(['red']).shape)\n"
        "print({'onnx', 'huggingface_hub', 'torch', 'polars', 'numba'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["(1, 16)", "set()"]


def test_two_processes_that_need_one_encoder_build_it_once(served, checkpoint, tmp_path):
    served.add(NAME, checkpoint)
    code = (
        "from sightline.encoders import Encoders; from sightline.store.home import Home\n"
        f"print(Encoders(Home({str(tmp_path / 'home')!r})).open({NAME!r}).images.fingerprint)"
    )
    environment = {
        **os.environ, "HF_ENDPOINT": served.address, "HF_HOME": str(tmp_path / "hf")
    }  # fmt: skip
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate()[0] for process in started]
    assert said[0] == said[1] != ""
    assert served.downloads().count("model.safetensors") == 1


def test_offline_mode_builds_from_the_hubs_own_cache(served, checkpoint, tmp_path):
    served.add(NAME, checkpoint)
    online = Hub(served.address, tmp_path / "hf/hub")
    listing = online.listing(NAME)
    online.download(listing, listing.files)  # as any program that uses the hub's library does
    served.asked.clear()
    code = (
        "from sightline.encoders import Encoders; from sightline.store.home import Home\n"
        f"encoders = Encoders(Home({str(tmp_path / 'home')!r}))\n"
        f"print(encoders.open({NAME!r}).texts.encode(['red']).shape)"
    )
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_ENDPOINT": served.address,
        "HF_HOME": str(tmp_path / "hf"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "(1, 16)"
    assert served.asked == []


def sightline(tmp_path, served, *arguments):
    environment = {
        **os.environ,
        "HF_ENDPOINT": served.address,
        "HF_HOME": str(tmp_path / "hf"),
        "SIGHTLINE_HOME": str(tmp_path / "home"),
    }
    command = [sys.executable, "-m", "sightline", "encoders", *arguments]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


def test_the_command_line_pulls_and_says_where_it_is(served, checkpoint, tmp_path):
    served.add(NAME, checkpoint)
    pulled = sightline(tmp_path, served, "pull", f"{NAME}:int8", "--json")
    assert pulled.returncode == 0, pulled.stderr
    assert f"looking for {NAME}" in pulled.stderr
    shown = json.loads(pulled.stdout)
    assert (shown["name"], shown["precision"], shown["dim"]) == (NAME, "int8", 16)
    refused = sightline(tmp_path, served, "pull", "owner/none")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("Error: there is no model 'owner/none'")


@pytest.fixture
def ask(tmp_path):
    def run(*arguments):
        home = {"SIGHTLINE_HOME": str(tmp_path / "home")}
        result = CliRunner().invoke(main, ["encoders", *arguments], env=home)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_the_command_line_builds_lists_shows_and_checks(ask, checkpoint):
    ask("build", str(checkpoint), "--name", "my-clip", "--precision", "int8")
    assert "my-clip" in ask("list")
    listed = json.loads(ask("list", "--json"))["encoders"]
    assert [line["name"] for line in listed] == ["sightline-mini", "attributes", "my-clip"]
    assert "fingerprints, images" in ask("show", "my-clip:int8")
    assert json.loads(ask("show", "openai/clip-vit-base-patch32", "--json"))["folder"] is None
    said = ask("check", "my-clip:int8", "--device", "cpu", "--threads", "1")
    assert "agreement, images" in said
    assert "images per second" in said
    assert "cosine" in said
