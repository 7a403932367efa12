"""The report says what every stage took, and which workers had most to do."""

import pytest
from sightline.images.throughput import Throughput


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def spend(throughput, clock, stage, seconds, count=1):
    with throughput.timed(stage, count):
        clock[0] += seconds


def test_shares_and_rates_are_of_the_workers_of_each_stage(clock):
    throughput = Throughput(threads=2)
    spend(throughput, clock, "decode", 2.0, 10)
    spend(throughput, clock, "encode", 3.0, 10)
    report = throughput.to_dict(12)
    assert (report["pictures"], report["seconds"]) == (12, 5.0)
    assert report["stages"]["decode"] == {
        "count": 10,
        "seconds": 2.0,
        "workers": 2,
        "per_s": 10.0,
        "share": 0.25,
    }
    assert report["stages"]["encode"]["per_s"] == pytest.approx(3.3)
    assert report["bottleneck"] == "encode"


def test_the_bottleneck_is_the_longest_stage_of_the_busiest_workers(clock):
    throughput = Throughput(threads=1)
    throughput.with_network(8)
    spend(throughput, clock, "fetch", 8.0)
    for stage, seconds in (("read", 1.0), ("decode", 2.5), ("preprocess", 1.0), ("encode", 4.0)):
        spend(throughput, clock, stage, seconds)
    report = throughput.to_dict(1)
    assert report["bottleneck"] == "decode"  # 4.5 s of one set of threads, against 4 and 1
    assert list(report["stages"]) == ["fetch", "read", "decode", "preprocess", "encode"]


def test_what_fails_took_its_time_as_well(clock):
    throughput = Throughput(threads=1)

    def fail():
        with throughput.timed("decode"):
            clock[0] += 1.0
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert throughput.to_dict(1)["stages"]["decode"]["seconds"] == 1.0


def test_nothing_done_has_no_bottleneck():
    report = Throughput(threads=2).to_dict(0)
    assert (report["stages"], report["bottleneck"]) == ({}, None)
