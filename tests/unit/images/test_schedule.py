"""Hosts take turns, none above its limit, and no job is left behind."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from sightline.images.schedule import FairQueue


def test_hosts_take_turns():
    jobs = FairQueue([("a", 1), ("a", 2), ("a", 3), ("b", 4)], per_host=8)
    assert [jobs.take() for _ in range(4)] == [("a", 1), ("b", 4), ("a", 2), ("a", 3)]
    assert jobs.take() is None


def test_full_host_waits_until_one_of_its_jobs_is_done():
    jobs = FairQueue([("a", 1), ("a", 2), (None, 3), (None, 4)], per_host=1)
    assert [jobs.take() for _ in range(3)] == [("a", 1), (None, 3), (None, 4)]
    assert jobs.take() is None
    jobs.done("a")
    assert jobs.take() == ("a", 2)


@given(
    hosts=st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=60),
    per_host=st.integers(1, 3),
    workers=st.integers(1, 6),
    random=st.randoms(use_true_random=False),
)
def test_workers_that_go_home_when_nothing_may_start_leave_no_job_behind(
    hosts, per_host, workers, random
):
    jobs = FairQueue(((host, number) for number, host in enumerate(hosts)), per_host=per_host)
    idle, busy, finished = workers, [], []
    while idle or busy:
        if idle and (not busy or random.random() < 0.5):
            idle -= 1
            turn = jobs.take()
            if turn is not None:
                busy.append(turn)
        else:
            host, job = busy.pop(random.randrange(len(busy)))
            finished.append(job)
            jobs.done(host)
            idle += 1
        under_way = Counter(host for host, _ in busy if host is not None)
        assert max(under_way.values(), default=0) <= per_host
    assert sorted(finished) == list(range(len(hosts)))
