"""A wish such as ``auto`` or ``cuda:1`` into the device that encoders run on, and why that one."""

import contextlib
import ctypes
import functools
import importlib
import io
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeAlias

import numpy as np

from ..errors import EncoderError

__all__ = [
    "Compute",
    "Device",
    "Provider",
    "choose_device",
    "import_onnxruntime",
    "providers",
    "thread_count",
]

Provider: TypeAlias = str | tuple[str, dict[str, str]]
"""An execution provider as ONNX Runtime is told of it: its name, maybe with options."""

_WISH = re.compile(r"auto|cpu|cuda(:(?P<index>\d{1,3}))?")
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_INSTALL = (
    "install one of the two, `pip install 'sightline[cpu]'` or, for an NVIDIA GPU, "
    "`pip install 'sightline[gpu]'`"
)
_REINSTALL = (
    "they overwrite each other's files: `pip uninstall -y onnxruntime onnxruntime-gpu`, then "
    "`pip install 'sightline[gpu]'` or `pip install 'sightline[cpu]'`, not both"
)
_GPU_LIBRARIES = "`pip install 'sightline[gpu]'` brings the libraries of CUDA and cuDNN 9"
_GPU_BUILD = (
    "`pip uninstall -y onnxruntime` first, as it would be in the way, then "
    "`pip install 'sightline[gpu]'`"
)
_DRIVER = (
    "install the NVIDIA driver; `nvidia-smi` has to list a GPU, in a container too "
    "(`docker run --gpus all`)"
)
# y = -x, of one float, as an ONNX file (IR 8, opset 13): the smallest graph that shows whether a
# device computes. Written out, so that asking takes no ONNX library.
_NEGATE = bytes.fromhex(
    "08083a320a0b0a017812017922034e65671201675a0f0a0178120a0a08080112"
    "040a020801620f0a0179120a0a08080112040a02080142040a00100d"
)


@dataclass(frozen=True, slots=True)
class Compute:
    """Where encoders shall run: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, with how many threads.

    Raises
    ------
    EncoderError
        If `device` is none of these, or `threads` is below 1.
    """

    device: str = "auto"
    threads: int | None = None
    """Threads of one graph on the CPU; None: as many as this process may use."""

    def __post_init__(self) -> None:
        if not _WISH.fullmatch(self.device):
            message = (
                f"encoders cannot run on the device {self.device!r}; it is auto, cpu, cuda or "
                "cuda:N with the number that nvidia-smi gives the GPU, such as cuda:0"
            )
            raise EncoderError(message)
        if self.threads is not None and self.threads < 1:
            message = f"encoders cannot run with {self.threads} threads; it takes 1 or more"
            raise EncoderError(message)

    @property
    def cores(self) -> int:
        """Threads for work of our own: as many as were asked for, else one per core."""
        return self.threads or os.cpu_count() or 1

    @classmethod
    def chosen(cls, device: str | None = None, threads: int | None = None) -> "Compute":
        """Take what is given, else ``SIGHTLINE_DEVICE`` and ``SIGHTLINE_THREADS``, else auto.

        Raises
        ------
        EncoderError
            If one of them cannot be what it stands for.
        """
        count = os.environ.get("SIGHTLINE_THREADS")
        if threads is None and count:
            try:
                threads = int(count)
            except ValueError as error:
                message = f"SIGHTLINE_THREADS is {count!r}, which is not a number of threads"
                raise EncoderError(message) from error
        return cls(device or os.environ.get("SIGHTLINE_DEVICE") or "auto", threads)


@dataclass(frozen=True, slots=True)
class Device:
    """Where encoders run, with one line on what was chosen and why."""

    kind: Literal["cpu", "cuda"]
    index: int
    why: str

    def __str__(self) -> str:
        return f"cuda:{self.index}" if self.kind == "cuda" else "cpu"


def choose_device(compute: Compute) -> Device:
    """Decide where encoders run; the answer is found out once per process.

    What ONNX Runtime lists as available is what it was compiled with. So a GPU counts only once a
    tiny graph has run on it.

    Raises
    ------
    EncoderError
        If CUDA was asked for and cannot be had: names what is missing and what to do. If there is
        no ONNX Runtime that works. Never because ``auto`` finds no GPU.
    """
    return _decided(compute.device)


@functools.cache
def _decided(wish: str) -> Device:
    runtime = import_onnxruntime()
    if wish == "cpu":
        return Device("cpu", 0, "cpu: asked for")
    match = _WISH.fullmatch(wish)
    index = int(match["index"] or 0) if match else 0
    obstacle = _obstacle_to_cuda(runtime, index)
    if obstacle is None:
        reason = "asked for, and it works" if wish != "auto" else "a GPU that works was found"
        return Device("cuda", index, f"cuda:{index}: {reason}")
    problem, remedy = obstacle
    if wish == "auto":
        return Device("cpu", 0, f"cpu: no GPU can be used, as {problem}")
    message = f"{wish} was asked for, but {problem}; {remedy}"
    raise EncoderError(message)


def import_onnxruntime() -> ModuleType:
    """Import ONNX Runtime.

    Raises
    ------
    EncoderError
        If it is not installed, or only in part: names the two extras.
    """
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        if error.name == "onnxruntime":
            message = f"encoders run on ONNX Runtime, which is not installed; {_INSTALL}"
        else:
            message = f"ONNX Runtime cannot be imported ({error}); {_INSTALL} again"
        raise EncoderError(message) from error
    if not hasattr(runtime, "InferenceSession"):
        # What is left where both distributions were installed and one was removed: a bare folder.
        message = f"ONNX Runtime is only half there (distributions: {_installed()}); {_REINSTALL}"
        raise EncoderError(message)
    return runtime


def providers(device: Device) -> list[Provider]:
    """Return what ONNX Runtime is told, so that it runs on `device`."""
    if device.kind == "cpu":
        return [_CPU]
    options = {
        "device_id": str(device.index),
        # TF32 rounds the factors of float32 products to 10 bits: faster, and off the reference by
        # 1e-3. Who wants speed takes the fp16 pack, whose vectors have a fingerprint of their own.
        "use_tf32": "0",
        "cudnn_conv_algo_search": "HEURISTIC",  # the exhaustive one takes seconds per shape
        "arena_extend_strategy": "kSameAsRequested",  # the GPU may be shared
    }
    return [(_CUDA, options), _CPU]


def thread_count(compute: Compute) -> int:
    """Return the threads of one graph; 0 leaves it to ONNX Runtime: one per physical core.

    ONNX Runtime counts the machine's cores. Where this process may use fewer, as in a container,
    that many threads would get in each other's way.
    """
    if compute.threads is not None:
        return compute.threads
    usable = _usable_cpus()
    return usable if usable < (os.cpu_count() or 1) else 0


def _usable_cpus() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError):  # no cgroup, or no limit: "max 100000"
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        usable = min(usable, math.ceil(int(quota) / int(period)))
    return max(1, usable)


def _obstacle_to_cuda(runtime: ModuleType, index: int) -> tuple[str, str] | None:
    """Return what is in the way of this GPU and how to remove it; None if it computes."""
    if _CUDA not in runtime.get_available_providers():
        if len(_distributions()) > 1:
            return f"both {_installed()} are installed", _REINSTALL
        version = f"{runtime.package_name or 'onnxruntime'} {runtime.__version__}"
        return f"this build of ONNX Runtime ({version}) is without CUDA", _GPU_BUILD
    printed = io.StringIO()
    failure = ""
    with _silence(runtime):
        with contextlib.redirect_stdout(printed):
            runtime.preload_dlls()
        try:
            options = runtime.SessionOptions()
            options.log_severity_level = 4
            session = runtime.InferenceSession(
                _NEGATE,
                options,
                providers=providers(Device("cuda", index, "")),
                enable_fallback=0,
            )
            session.run(None, {"x": np.ones(1, np.float32)})
            if session.get_providers()[0] == _CUDA:
                return None
        except Exception as error:  # the library's errors have no base of their own
            failure = _first_line(error)
    return _diagnosis(runtime, printed.getvalue(), failure)


def _diagnosis(runtime: ModuleType, printed: str, failure: str) -> tuple[str, str]:
    missing = re.search(r"Failed to load ([^\s:]+)", printed)
    if not (library := missing[1] if missing else ""):
        # The provider is a library of its own, and says what it misses when it is loaded.
        folder = Path(runtime.__file__ or "").parent / "capi"
        for path in folder.glob("*onnxruntime_providers_cuda.*"):
            try:
                ctypes.CDLL(str(path))
            except OSError as error:
                failure = failure or _first_line(error)
                library = _first_line(error).partition(":")[0]
    if library.startswith(("libcuda.", "nvcuda")):
        return f"the driver's library {library} is missing", _DRIVER
    if library:
        return f"the library {Path(library).name} is missing or cannot be loaded", _GPU_LIBRARIES
    version = f"CUDA {runtime.cuda_version}" if runtime.cuda_version else "CUDA"
    problem = failure or "ONNX Runtime fell back to the CPU without a word"
    remedy = (
        f"`nvidia-smi` has to list this GPU, with a driver that knows {version}, and as much free "
        "memory as the encoder takes"
    )
    return f"it does not work: {problem}", remedy


@contextlib.contextmanager
def _silence(runtime: ModuleType) -> Iterator[None]:
    """Keep ONNX Runtime from writing to stderr what an error of ours says better."""
    runtime.set_default_logger_severity(4)
    try:
        yield
    finally:
        runtime.set_default_logger_severity(2)  # its own default; it cannot be asked


def _distributions() -> list[str]:
    """Return the installed distributions that bring a package `onnxruntime`."""
    from importlib import metadata  # for errors only, and slow to import

    found = set()
    for name in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.add(f"{name} {metadata.version(name)}")
    return sorted(found)


def _installed() -> str:
    return " and ".join(_distributions()) or "none"


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
