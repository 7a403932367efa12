import threading

import numpy as np  # noqa: F401 - its BLAS is what is looked at
import pytest
from sightline.threads import OneThread, blas_threads
from threadpoolctl import threadpool_info, threadpool_limits


def blas_now():
    return {entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if blas_now() != {2}:
            pytest.skip("this BLAS does not run on two threads here")
        yield


def test_a_block_has_the_threads_it_asks_for_and_gives_them_back():
    with blas_threads(1):
        assert blas_now() == {1}
    assert blas_now() == {2}


def test_the_first_block_of_all_changes_nothing_and_later_ones_run_on_one_thread():
    one = OneThread()
    with one:
        assert blas_now() == {2}
    with one:
        assert blas_now() == {1}
    assert blas_now() == {2}


def test_in_another_thread_a_block_changes_nothing():
    one = OneThread()
    with one:
        pass
    seen = []

    def elsewhere():
        with one:
            seen.append(blas_now())

    other = threading.Thread(target=elsewhere)
    other.start()
    other.join(10)
    assert seen == [{2}]
    assert blas_now() == {2}


def test_an_error_in_a_block_gives_the_threads_back():
    one = OneThread()
    with one:
        pass
    message = "for no reason"
    with pytest.raises(RuntimeError, match=message), one:
        raise RuntimeError(message)
    assert blas_now() == {2}
