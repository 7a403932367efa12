"""`sightline doctor` in environments that are broken on purpose."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import PIL
import pytest
from PIL import features
from sightline import doctor
from sightline.doctor import Level, examine
from sightline.encode.device import Compute, choose_device
from sightline.packs import Packs
from sightline.store.home import Home
from sightline_models.pack import Pack, file_sha256

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path):
    """Run the command in an environment of its own, and return the process."""

    def run(*arguments, home=tmp_path / "home", **environment):
        given = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        environment = {"HF_HOME": str(tmp_path / "hub"), **environment}
        return subprocess.run(
            [sys.executable, "-m", "sightline", "doctor", "--home", str(home), *arguments],
            env={**given, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def findings(process):
    return json.loads(process.stdout)["findings"]


def worse_than(level, found):
    order = list(Level)
    return [
        finding for finding in found if order.index(Level(finding["level"])) > order.index(level)
    ]


def install(folder, name, package):
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{package}/__init__.py,,\n")


def test_a_sound_installation_has_no_errors_and_is_told_as_a_table(run, tmp_path):
    process = run()
    assert process.returncode == 0, process.stdout
    topics = {line.split()[1] for line in process.stdout.splitlines() if line[:1].isalpha()}
    assert {"Python", "versions", "PIL", "kernels", "processor", "home", "hub"} <= topics
    assert "→" not in "".join(re.findall(r"^ok .*", process.stdout, re.MULTILINE))
    assert not (tmp_path / "home").exists()


def test_json_has_every_finding_with_what_to_do(run):
    found = findings(run("--json"))
    assert all(finding.keys() == {"topic", "level", "finding", "remedy"} for finding in found)
    (versions,) = (finding for finding in found if finding["topic"] == "versions")
    assert f"pillow {PIL.__version__}" in versions["finding"]
    assert all(finding["remedy"] for finding in worse_than(Level.NOTE, found))


def test_everything_amiss_is_told_at_once_and_ends_in_exit_code_one(run, tmp_path):
    site = tmp_path / "site"
    for name, package in (
        ("pillow", "PIL"),
        ("pillow-simd", "PIL"),
        ("onnxruntime", "onnxruntime"),
        ("onnxruntime-gpu", "onnxruntime"),
    ):
        install(site, name, package)
    (site / "hnswlib.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    (tmp_path / "file").write_text("")
    process = run(
        "--json",
        home=tmp_path / "file" / "home",
        PYTHONPATH=str(site),
        NUMBA_DISABLE_JIT="1",
        SIGHTLINE_DEVICE="cuda:7",
        HF_HUB_OFFLINE="1",
        HF_HOME=str(tmp_path / "file" / "hub"),
    )
    assert process.returncode == 1
    told = {(f["topic"], f["level"]): f for f in worse_than(Level.OK, findings(process))}
    assert told["versions", "error"]["finding"].endswith("it ended the process with SIGILL")
    assert "--no-binary" in told["versions", "error"]["remedy"]
    assert "pillow 1.0 and pillow-simd 1.0" in told["PIL", "warning"]["finding"]
    assert "pip uninstall -y pillow pillow-simd" in told["PIL", "warning"]["remedy"]
    assert "onnxruntime-gpu 1.0" in told["onnxruntime", "warning"]["finding"]
    assert "NUMBA_DISABLE_JIT" in told["kernels", "warning"]["finding"]
    assert told["device", "error"]["finding"].startswith("cuda:7 was asked for, but")
    assert told["device", "error"]["remedy"]
    assert "SIGHTLINE_HOME" in told["home", "error"]["remedy"]
    assert "HF_HUB_OFFLINE" in told["hub", "note"]["finding"]
    assert "HF_HOME" in told["hub", "warning"]["remedy"]


def test_a_library_that_another_tool_removed_half_of_is_an_error(run, tmp_path):
    for package in ("PIL", "onnxruntime"):
        (tmp_path / "site" / package).mkdir(parents=True)
        (tmp_path / "site" / package / "__init__.py").write_text("")
    process = run("--json", PYTHONPATH=str(tmp_path / "site"))
    assert process.returncode == 1
    errors = worse_than(Level.WARNING, findings(process))
    assert {finding["topic"] for finding in errors} == {"versions", "device"}
    assert "PIL" in errors[0]["finding"]
    assert "half there" in errors[1]["finding"]


def test_a_gpu_that_is_there_and_cannot_be_used_is_a_warning(run, tmp_path):
    driver = tmp_path / "nvidia-smi"
    driver.write_text('#!/bin/sh\necho "NVIDIA T4, 15360 MiB, 570.1"\n')
    driver.chmod(0o755)
    if choose_device(Compute()).kind == "cuda":
        pytest.skip("here a GPU can be used")
    process = run("--json", PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert process.returncode == 0
    found = findings(process)
    assert "NVIDIA T4, 15360 MiB, 570.1" in [finding["finding"] for finding in found]
    (device,) = (f for f in worse_than(Level.NOTE, found) if f["topic"] == "device")
    assert device["level"] == "warning"


def test_machine_code_that_can_be_kept_nowhere_is_an_error(run, tmp_path):
    kernels = tmp_path / "site" / "sightline_kernels"
    kernels.mkdir(parents=True)
    for source in (CHECKOUT / "kernels").glob("*.py"):
        shutil.copy(source, kernels)
    (kernels / "__pycache__").write_text("where the folder should be")
    process = run(
        "--json",
        PYTHONPATH=str(kernels.parent),
        HOME=str(kernels / "__pycache__"),
        XDG_CACHE_HOME=str(kernels / "__pycache__"),
    )
    assert process.returncode == 1
    errors = worse_than(Level.WARNING, findings(process))
    assert [finding["topic"] for finding in errors] == ["kernels"]
    assert "NUMBA_CACHE_DIR" in errors[0]["remedy"]


def test_a_cache_folder_that_numba_passes_over_is_a_warning(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    wish = str(tmp_path / "file" / "cache")
    monkeypatch.setenv("NUMBA_CACHE_DIR", wish)
    (finding,) = doctor._kernels()
    assert finding.level is Level.WARNING
    assert f"NUMBA_CACHE_DIR is {wish}" in finding.text


@pytest.fixture
def packed(tmp_path):
    """Return a home with one pack, and the folder of the pack."""
    home = Home(tmp_path / "home")
    packs = Packs(home)
    with packs.adding(lambda: None) as folder:
        (folder / "model.onnx").write_bytes(bytes(2_000_000))
        files = {"model.onnx": file_sha256(folder / "model.onnx")}
        entry = packs.keep(folder, Pack("org/tiny", "fp32", files=files), is_default=True)
    return home, entry.folder


def of_encoders(home):
    """What is said of the home's packs, after a word on the one that comes with Sightline."""
    bundled, *others = ((f.level, f.text, f.remedy) for f in doctor._packs(home))
    assert bundled[0] is Level.OK
    assert bundled[1].startswith("sightline-mini:int8")
    return others


def test_an_intact_pack_is_told_with_its_size(packed):
    home, folder = packed
    assert of_encoders(home) == [
        (Level.OK, f"org/tiny:fp32, 2.0 MB, is intact in {folder}", ""),
    ]


def test_a_damaged_pack_is_an_error_even_if_its_size_and_time_are_as_they_were(packed):
    home, folder = packed
    path = folder / "model.onnx"
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"\1")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    ((level, text, remedy),) = of_encoders(home)
    assert level is Level.ERROR
    assert "model.onnx" in text
    assert "sightline encoders pull org/tiny" in remedy


def test_a_folder_that_is_no_pack_is_a_warning(packed):
    home, folder = packed
    (folder / "pack.toml").write_text("format = 99\n")
    (home.encoders / ".partial-pack").mkdir()
    ((level, text, _),) = of_encoders(home)
    assert level is Level.WARNING
    assert str(folder) in text


def test_an_old_pillow_without_codecs_is_told(monkeypatch):
    has = features.check
    monkeypatch.setattr(PIL, "__version__", "12.1.1.post0")
    monkeypatch.setattr(
        features, "check", lambda part: part not in {"webp", "libtiff"} and has(part)
    )
    told = [(f.level, f.text) for f in doctor._pictures() if f.topic == "pictures"]
    assert [level for level, _ in told] == [Level.WARNING, Level.WARNING]
    assert "12.1.1.post0" in told[0][1]
    assert "without WebP, compressed TIFF" in told[1][1]


def test_every_requirement_is_looked_at():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    required = {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}
    assert set(doctor._REQUIRED.values()) == required


def test_nothing_stops_the_examination(monkeypatch, tmp_path):
    def broken(_):
        raise ZeroDivisionError
        yield

    monkeypatch.setattr(doctor, "_home", broken)
    found = list(examine(tmp_path))
    assert ("home", Level.ERROR) in [(finding.topic, finding.level) for finding in found]
    assert found[-1].topic == "hub"
