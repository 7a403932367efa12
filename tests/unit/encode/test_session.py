import threading
from pathlib import Path

import numpy as np
import pytest
from sightline.encode import session as sessions
from sightline.encode.device import Compute, Device
from sightline.encode.session import GPU_ROWS, Session, StaticSession
from sightline.errors import EncoderError
from sightline_models.graph import Graph

CPU = Compute("cpu", 1)
MATRIX = np.random.default_rng(0).standard_normal((32, 16)).astype(np.float32)


def write_graph(path: Path, batch: int | str = "batch") -> Path:
    """Write y = x M, whose matrix is in a data file beside it."""
    with Graph(path) as graph:
        x = graph.input("x", np.float32, [batch, 32])
        product = graph.add("MatMul", x, graph.weight(MATRIX))
        graph.output("y", product, np.float32, [batch, 16])
    return path


@pytest.fixture
def file(tmp_path):
    return write_graph(tmp_path / "model.onnx")


@pytest.fixture
def loads(monkeypatch):
    """Whether each load from now on was a lean one, in order."""
    lean_loads = []
    load = sessions.load

    def noted(*args, lean=False, **options):
        lean_loads.append(lean)
        return load(*args, lean=lean, **options)

    monkeypatch.setattr(sessions, "load", noted)
    return lean_loads


def rows(count, seed=1):
    return np.random.default_rng(seed).standard_normal((count, 32)).astype(np.float32)


def test_nothing_is_opened_before_it_is_needed(tmp_path):
    Session(tmp_path / "missing.onnx", "y", CPU)


def test_with_nothing_to_wait_for_it_is_never_lean(file, loads):
    session = Session(file, "y", CPU, runs_before_full=0)
    for _ in range(3):
        np.testing.assert_allclose(session.run({"x": rows(5)}), rows(5) @ MATRIX, rtol=1e-5)
    assert loads == [False]


def test_it_starts_lean_and_turns_full_after_so_many_runs(file, loads):
    session = Session(file, "y", CPU, runs_before_full=3)
    x = rows(5)
    outputs = []
    seen = []
    for _ in range(6):
        outputs.append(session.run({"x": x}))
        seen.append(list(loads))
    assert seen == [[True]] * 3 + [[True, False]] * 3
    for output in outputs:
        np.testing.assert_allclose(output, x @ MATRIX, atol=1e-5)


def test_threads_share_two_loads_and_get_their_own_rows(file, loads):
    session = Session(file, "y", CPU, runs_before_full=10)
    wrong = []

    def work(seed):
        for count in range(1, 21):
            x = rows(count, seed)
            if not np.allclose(session.run({"x": x}), x @ MATRIX, atol=1e-5):
                wrong.append((seed, count))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert loads == [True, False]


def test_others_go_on_while_one_loads_in_full(file, monkeypatch):
    load, begun, go_on = sessions.load, threading.Event(), threading.Event()

    def slow(*args, lean=False, **options):
        if not lean:
            begun.set()
            assert go_on.wait(20)
        return load(*args, lean=lean, **options)

    monkeypatch.setattr(sessions, "load", slow)
    session = Session(file, "y", CPU, runs_before_full=1)
    session.run({"x": rows(1)})
    buyer = threading.Thread(target=session.run, args=({"x": rows(1)},))
    buyer.start()
    assert begun.wait(20)
    session.run({"x": rows(1)})
    assert buyer.is_alive()
    go_on.set()
    buyer.join()


def test_the_device_and_the_provider_that_is_in_use_are_told(file):
    session = Session(file, "y", CPU)
    assert session.device == Device("cpu", 0, "cpu: asked for")
    assert session.providers == ["CPUExecutionProvider"]


def test_rows_are_divided_and_the_last_run_is_shorter(file):
    parts = list(Session(file, "y", CPU).batches(7, 3, "x"))
    assert parts == [(slice(0, 3), 3), (slice(3, 6), 3), (slice(6, 7), 1)]


def test_a_graph_of_a_fixed_batch_is_given_just_that(tmp_path):
    session = Session(write_graph(tmp_path / "fixed.onnx", batch=2), "y", CPU)
    assert list(session.batches(3, 8, "x")) == [(slice(0, 2), 2), (slice(2, 3), 2)]


def test_on_a_gpu_batches_have_one_of_two_sizes(file, monkeypatch):
    monkeypatch.setattr(sessions, "choose_device", lambda compute: Device("cuda", 0, ""))
    session = Session(file, "y", Compute("cuda"))
    assert list(session.batches(1, 8, "x")) == [(slice(0, 1), 1)]
    sizes = [size for _, size in session.batches(GPU_ROWS + 1, 8, "x")]
    assert sizes == [GPU_ROWS, GPU_ROWS]
    assert session.providers == []


def test_a_static_session_is_of_one_shape_and_keeps_threads_apart(file):
    inputs = {"x": sessions.Input(("batch", 32), np.dtype(np.float32))}
    static = StaticSession(file, "y", Device("cpu", 0, ""), {"x": rows(4)}, inputs)
    assert static.session.get_inputs()[0].shape == [4, 32]
    wrong = []

    def work(seed):
        for round_ in range(20):
            x = rows(4, 100 * seed + round_)
            if not np.allclose(static.run({"x": x}), x @ MATRIX, atol=1e-5):
                wrong.append((seed, round_))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_a_static_session_returned_is_not_overwritten_by_the_next_run(file):
    inputs = {"x": sessions.Input(("batch", 32), np.dtype(np.float32))}
    static = StaticSession(file, "y", Device("cpu", 0, ""), {"x": rows(2)}, inputs)
    first = static.run({"x": rows(2, 1)})
    static.run({"x": rows(2, 2)})
    np.testing.assert_allclose(first, rows(2, 1) @ MATRIX, atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"not an ONNX file"])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, content, capfd):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(EncoderError) as error:
        Session(path, "y", CPU).run({"x": rows(1)})
    assert str(error.value).startswith(f"{path} cannot be loaded on cpu: ")
    assert "pull or build the encoder again" in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(EncoderError, match=r"none\.onnx cannot be loaded"):
        Session(tmp_path / "none.onnx", "y", CPU).run({"x": rows(1)})


def test_weights_cut_short_are_found_when_they_are_loaded(file):
    data = file.with_name("model.onnx.data")
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(EncoderError, match=r"model\.onnx cannot be loaded on cpu"):
        Session(file, "y", CPU).run({"x": rows(1)})


def test_missing_weights_are_found_when_they_are_loaded(file):
    file.with_name("model.onnx.data").unlink()
    with pytest.raises(EncoderError, match=r"model\.onnx cannot be loaded on cpu"):
        Session(file, "y", CPU).run({"x": rows(1)})


def test_a_run_that_fails_is_told_of_the_file(file, capfd):
    with pytest.raises(EncoderError, match=r"model\.onnx failed on cpu: .*x"):
        Session(file, "y", CPU).run({"x": rows(1)[:, :5]})
    assert capfd.readouterr() == ("", "")


def test_what_onnx_runtime_would_write_of_a_failed_run_is_in_the_error(tmp_path, capfd):
    with Graph(tmp_path / "model.onnx") as graph:
        ids = graph.input("ids", np.int64, ["batch"])
        graph.output("y", graph.add("Gather", graph.weight(MATRIX), ids), np.float32, ["batch", 16])
    with pytest.raises(EncoderError, match=r"failed on cpu: .*out of data bounds"):
        Session(tmp_path / "model.onnx", "y", CPU).run({"ids": np.array([99])})
    assert capfd.readouterr() == ("", "")


def test_an_input_that_is_not_there_is_told_with_those_that_are(file):
    with pytest.raises(EncoderError, match=r"no input 'pixels', but x"):
        Session(file, "y", CPU).input("pixels")


def test_what_an_input_declares_is_read_off_the_graph(file, tmp_path):
    declared = Session(file, "y", CPU).input("x")
    assert declared.dtype == np.float32
    assert (declared.fixed(0), declared.fixed(1)) == (None, 32)
