"""ONNX graphs as they are written: valid, small, with big tensors where they can be mapped."""

import numpy as np
import onnx
import onnxruntime
import pytest
from sightline_models.checkpoint import Linear
from sightline_models.graph import Graph
from sightline_models.layers import linear


def tensors(path):
    """Return the constants of a file as it describes them, by name."""
    model = onnx.load(path, load_external_data=False)
    return {tensor.name: tensor for tensor in model.graph.initializer}


def place(tensor):
    """Return where a tensor lies in the data file, as offset and length."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    return int(entries["offset"]), int(entries["length"])


def run(path, **values):
    """Run a graph with one output."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, values)[0]


def write_sum(path, *constants):
    """Write a graph that adds constants to its input."""
    with Graph(path) as graph:
        total = graph.input("x", np.float32, ["batch", 3])
        for constant in constants:
            total = graph.add("Add", total, graph.constant(constant))
        graph.output("y", total, np.float32, ["batch", 3])


def test_a_graph_computes_what_its_nodes_say(tmp_path):
    write_sum(tmp_path / "sum.onnx", np.float32([1, 2, 3]))
    found = run(tmp_path / "sum.onnx", x=np.ones((2, 3), np.float32))
    assert found.tolist() == [[2, 3, 4], [2, 3, 4]]
    onnx.checker.check_model(tmp_path / "sum.onnx", full_check=True)


def test_an_output_has_its_name_without_a_node_of_its_own(tmp_path):
    write_sum(tmp_path / "sum.onnx", np.float32([1, 2, 3]))
    (node,) = onnx.load(tmp_path / "sum.onnx").graph.node
    assert list(node.output) == ["y"]


def test_a_value_may_leave_the_graph_and_be_used_in_it(tmp_path):
    with Graph(tmp_path / "two.onnx") as graph:
        x = graph.input("x", np.float32, [1])
        twice = graph.add("Add", x, x)
        four = graph.add("Add", twice, twice)
        graph.output("twice", twice, np.float32, [1])
        graph.output("four", four, np.float32, [1])
    assert run(tmp_path / "two.onnx", x=np.float32([3])).tolist() == [6]


def test_a_node_may_have_several_outputs(tmp_path):
    with Graph(tmp_path / "halves.onnx") as graph:
        x = graph.input("x", np.float32, ["batch", 4])
        left, right = graph.add_many("Split", x, outputs=2, axis=1, num_outputs=2)
        graph.output("difference", graph.add("Sub", left, right), np.float32, ["batch", 2])
    assert run(tmp_path / "halves.onnx", x=np.float32([[5, 6, 1, 4]])).tolist() == [[4, 2]]


def test_a_small_constant_is_kept_once_and_inside(tmp_path):
    write_sum(tmp_path / "sum.onnx", np.float32([1, 2, 3]), np.float32([1, 2, 3]))
    assert len(tensors(tmp_path / "sum.onnx")) == 1
    assert not (tmp_path / "sum.onnx.data").exists()


def test_constants_of_another_type_or_shape_are_not_confused(tmp_path):
    with Graph(tmp_path / "graph.onnx") as graph:
        zeros = np.zeros(2, np.float32), np.zeros((1, 2), np.float32), np.zeros(1, np.int64)
        assert len({graph.constant(array) for array in zeros}) == 3


def test_big_tensors_begin_at_pages_of_the_data_file(tmp_path):
    random = np.random.default_rng(0)
    first, second = (random.random((500, 3), np.float32) for _ in range(2))
    with Graph(tmp_path / "big.onnx") as graph:
        x = graph.input("x", np.float32, ["batch", 3])
        for matrix in (first, second):
            x = graph.add("Add", x, graph.constant(matrix, "matrix"))
        graph.output("y", x, np.float32, [500, 3])
    described = tensors(tmp_path / "big.onnx")
    assert list(described) == ["matrix", "matrix_2"]
    assert [place(tensor) for tensor in described.values()] == [(0, 6000), (8192, 6000)]
    found = run(tmp_path / "big.onnx", x=np.zeros((1, 3), np.float32))
    np.testing.assert_array_equal(found, first + second)


def test_a_transposed_matrix_is_written_in_its_new_order(tmp_path):
    matrix = np.random.default_rng(0).random((40, 30), np.float32)
    with Graph(tmp_path / "graph.onnx") as graph:
        x = graph.input("x", np.float32, ["batch", 30])
        graph.output("y", linear(graph, x, Linear(matrix, None), "m"), np.float32, ["batch", 40])
    x = np.random.default_rng(1).random((2, 30), np.float32)
    np.testing.assert_allclose(run(tmp_path / "graph.onnx", x=x), x @ matrix.T, rtol=1e-5)


def test_a_moved_graph_finds_its_data(tmp_path):
    folder = tmp_path / "before"
    folder.mkdir()
    matrix = np.random.default_rng(0).random((500, 3), np.float32)
    write_sum(folder / "model.onnx", matrix)
    moved = folder.rename(tmp_path / "after")
    found = run(moved / "model.onnx", x=np.zeros((1, 3), np.float32))
    np.testing.assert_array_equal(found, matrix)


def test_a_graph_that_fails_leaves_no_files(tmp_path):
    def fail():
        with Graph(tmp_path / "graph.onnx") as graph:
            graph.constant(np.zeros(1000, np.float32))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", np.float32), ("fp16", np.float16), ("int8", np.float32)]
)
def test_weights_have_the_type_of_the_graph(tmp_path, precision, dtype):
    with Graph(tmp_path / "graph.onnx", precision) as graph:
        assert graph.dtype == dtype
        graph.weight(np.ones(2), "ones")
    assert tensors(tmp_path / "graph.onnx")["ones"].data_type == (
        onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    )


@pytest.mark.parametrize("inputs", [7, 64])
def test_an_int8_matrix_is_the_float_one_but_for_its_steps(tmp_path, inputs):
    random = np.random.default_rng(3)
    layer = Linear(
        random.standard_normal((5, inputs)).astype(np.float32), random.random(5, np.float32)
    )
    layer.weight[1] = 0
    layer.weight[2] *= 1000
    with Graph(tmp_path / "graph.onnx", "int8") as graph:
        x = graph.input("x", np.float32, ["batch", inputs])
        graph.output("y", linear(graph, x, layer, "m"), np.float32, ["batch", 5])
    x = random.standard_normal((20, inputs)).astype(np.float32)
    expected = x @ layer.weight.T + layer.bias
    error = np.abs(run(tmp_path / "graph.onnx", x=x) - expected).max(axis=0)
    assert error[1] <= 1e-6, "a row of zeros gives the bias"
    assert (error <= 0.04 * np.abs(expected).max(axis=0) + 1e-6).all()
