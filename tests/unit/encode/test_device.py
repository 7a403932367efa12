import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from sightline.encode import device
from sightline.encode.device import Compute, Device, choose_device, providers, thread_count
from sightline.errors import EncoderError

HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()

# A package that passes for onnxruntime-gpu. What it prints is what version 1.31.1 printed.
GPU_BUILD = """
__version__, package_name, cuda_version = "1.31.1", "onnxruntime-gpu", "13.0"
get_available_providers = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
set_default_logger_severity = lambda severity: None
preload_dlls = lambda: print({printed!r}) if {printed!r} else None
class SessionOptions: pass
class InferenceSession:
    def __init__(self, *args, **options):
        if {failure!r}: raise RuntimeError({failure!r})
    def run(self, names, feeds): return [-feeds["x"]]
    def get_providers(self): return [{provider!r}]
"""
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from sightline.encode.device import Compute, choose_device
from sightline.errors import EncoderError
try:
    print(choose_device(Compute(sys.argv[2])).why)
except EncoderError as error:
    print(error)
"""


@pytest.fixture
def answer(tmp_path):
    """Ask a new process for a device, with this text as its onnxruntime, and return its answer."""

    def answer(package: str | None, wish: str) -> str:
        if package is not None:
            (tmp_path / "onnxruntime").mkdir()
            (tmp_path / "onnxruntime" / "__init__.py").write_text(package, "utf-8")
        command = [sys.executable, "-c", SCRIPT, tmp_path, wish]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        assert not run.stderr
        return run.stdout.strip()

    return answer


def gpu_build(printed="", failure="", provider="CPUExecutionProvider"):
    return GPU_BUILD.format(printed=printed, failure=failure, provider=provider)


@pytest.mark.parametrize("wish", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_a_wish_is_taken_as_it_is_written(wish):
    assert Compute(wish).device == wish


@pytest.mark.parametrize(
    "wish", ["", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "cuda 1"]
)
def test_another_device_is_refused_with_those_there_are(wish):
    with pytest.raises(EncoderError, match=r"auto, cpu, cuda or cuda:N"):
        Compute(wish)


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_start_at_one(threads):
    with pytest.raises(EncoderError, match=f"{threads} threads"):
        Compute(threads=threads)


def test_what_is_given_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DEVICE", "cuda:1")
    monkeypatch.setenv("SIGHTLINE_THREADS", "3")
    assert Compute.chosen() == Compute("cuda:1", 3)
    assert Compute.chosen("cpu", 1) == Compute("cpu", 1)


def test_without_either_the_device_is_auto(monkeypatch):
    monkeypatch.delenv("SIGHTLINE_DEVICE", raising=False)
    monkeypatch.setenv("SIGHTLINE_THREADS", "")
    assert Compute.chosen() == Compute("auto", None)


def test_an_environment_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("SIGHTLINE_THREADS", "many")
    with pytest.raises(EncoderError, match="SIGHTLINE_THREADS is 'many'"):
        Compute.chosen()


def test_the_tiny_graph_is_onnx_and_computes():
    onnx.checker.check_model(onnx.load_from_string(device._NEGATE))
    session = onnxruntime.InferenceSession(device._NEGATE, providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": np.array([2], np.float32)})[0].tolist() == [-2]


def test_auto_always_finds_a_device_and_says_why(capfd):
    chosen = choose_device(Compute())
    assert chosen.why.startswith(f"{chosen}: ")
    assert capfd.readouterr() == ("", "")


def test_the_cpu_is_not_looked_for():
    assert choose_device(Compute("cpu")) == Device("cpu", 0, "cpu: asked for")


@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime is built with CUDA")
def test_cuda_of_a_build_without_it_is_refused_with_the_way_to_another():
    with pytest.raises(EncoderError) as error:
        choose_device(Compute("cuda:1"))
    assert "cuda:1 was asked for, but this build of ONNX Runtime" in str(error.value)
    assert "`pip uninstall -y onnxruntime` first" in str(error.value)
    assert "`pip install 'sightline[gpu]'`" in str(error.value)


def test_a_missing_library_is_named_with_what_brings_it(answer):
    printed = "Failed to load libcublasLt.so.13: libcublasLt.so.13: cannot open shared object file"
    said = answer(gpu_build(printed), "cuda")
    assert said.startswith("cuda was asked for, but the library libcublasLt.so.13 is missing")
    assert "`pip install 'sightline[gpu]'` brings the libraries" in said


def test_what_the_provider_itself_misses_is_named(answer, tmp_path):
    folder = tmp_path / "onnxruntime" / "capi"
    package = (
        gpu_build()
        + f"""
import ctypes
def CDLL(path):
    assert path == {str(folder / "libonnxruntime_providers_cuda.so")!r}
    raise OSError("libcuda.so.1: cannot open shared object file: No such file or directory")
ctypes.CDLL = CDLL
from pathlib import Path
Path({str(folder)!r}).mkdir()
Path({str(folder)!r}, "libonnxruntime_providers_cuda.so").touch()
"""
    )
    said = answer(package, "cuda")
    assert "the driver's library libcuda.so.1 is missing; install the NVIDIA driver" in said


def test_what_the_gpu_says_itself_is_passed_on(answer):
    failure = "CUDA failure 100: no CUDA-capable device is detected ; GPU=-1\nmore"
    said = answer(gpu_build(failure=failure), "cuda:2")
    assert "no CUDA-capable device is detected" in said
    assert "more" not in said.split(";")[0]
    assert "`nvidia-smi` has to list this GPU, with a driver that knows CUDA 13.0" in said


def test_a_session_that_fell_back_to_the_cpu_is_no_gpu(answer):
    assert "fell back to the CPU without a word" in answer(gpu_build(), "cuda")


def test_auto_takes_the_cpu_where_the_gpu_fails(answer):
    said = answer(gpu_build(failure="CUDA failure 35: driver too old"), "auto")
    assert said == "cpu: no GPU can be used, as it does not work: CUDA failure 35: driver too old"


@pytest.mark.parametrize(("wish", "chosen"), [("auto", "cuda:0"), ("cuda:3", "cuda:3")])
def test_a_gpu_on_which_a_graph_ran_is_taken(answer, wish, chosen):
    said = answer(gpu_build(provider="CUDAExecutionProvider"), wish)
    assert said.startswith(f"{chosen}: ")


def test_no_onnx_runtime_at_all_is_told_with_both_extras(answer):
    said = answer("raise ModuleNotFoundError('none', name='onnxruntime')", "auto")
    assert "is not installed" in said
    assert "sightline[cpu]" in said
    assert "sightline[gpu]" in said


def test_an_onnx_runtime_that_does_not_import_says_its_own_reason(answer):
    said = answer("raise ImportError('libstdc++.so.6: version GLIBCXX_3.4.32 not found')", "cpu")
    assert "libstdc++.so.6: version GLIBCXX_3.4.32 not found" in said


def test_the_remains_of_two_distributions_are_recognised(answer):
    said = answer("", "auto")
    assert "only half there" in said
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in said


@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime is built with CUDA")
def test_two_distributions_at_once_are_recognised(answer, tmp_path):
    folder = tmp_path / "onnxruntime_gpu-1.31.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Name: onnxruntime-gpu\nVersion: 1.31.1\n", "utf-8")
    said = answer(None, "cuda")
    assert "onnxruntime-gpu 1.31.1 are installed" in said
    assert "they overwrite each other's files" in said


def test_float32_stays_float32_on_a_gpu():
    (name, options), fallback = providers(Device("cuda", 2, ""))
    assert (name, fallback) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["device_id"] == "2"
    assert options["use_tf32"] == "0"


def test_threads_are_those_asked_for():
    assert thread_count(Compute(threads=5)) == 5


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
@pytest.mark.skipif(os.cpu_count() == 1, reason="one CPU only")
def test_a_process_held_to_one_cpu_takes_one_thread():
    script = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from sightline.encode.device import Compute, thread_count
print(thread_count(Compute()))
"""
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "1"


def test_choosing_by_name_alone_loads_no_onnx_runtime(tmp_path):
    script = """
import sys
from pathlib import Path
import sightline.encode.towers, sightline.encode.tokens
from sightline.encode.device import Compute
from sightline_models.pack import Pack, TextualTower, VisualTower
pack = Pack("p", "fp32", VisualTower("v", 8, 4), TextualTower("t", "j", 8, 4))
sightline.encode.towers.open_pack(Path("nowhere"), pack, Compute("cuda"))
print(sorted({"onnxruntime", "tokenizers", "numba", "polars"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path.cwd())
    assert run.stdout.strip() == "[]"
