import re
from html import unescape
from html.parser import HTMLParser

import pytest
from sightline.demo.chart import Bar, Chart, chart_html, evaluation_charts
from sightline.demo.page import Section, write_gallery

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


class Markup(HTMLParser):
    """Collects tags, attributes and text, and checks that elements nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def drawn(*bars, caption="NDCG", heading=""):
    return chart_html(Chart(caption, [(heading, bars)]))


def spans(text, element):
    """Left edge and width in percent of every bar (`i`) or whisker (`b`)."""
    found = re.findall(rf'<{element} style="left:(.*?)%;width:(.*?)%"', text)
    return [(float(left), float(width)) for left, width in found]


def test_bars_start_at_zero_and_share_a_scale():
    text = drawn(Bar("a", 0.1, 0.05, 0.2), Bar("b", 0.05, 0.04, 0.06))
    assert spans(text, "i") == [(0, 50), (0, 25)]
    assert spans(text, "b") == [(25, 75), (20, 10)]


def test_a_loss_goes_left_of_zero():
    text = drawn(Bar("lost", -0.1, -0.2, 0.0), Bar("won", 0.1, 0.0, 0.2))
    assert spans(text, "i") == [(25, 25), (50, 25)]
    assert re.findall(r"--zero:(.*?)%", text) == ["50.00", "50.00"]


@pytest.mark.parametrize("bars", [(), (Bar("a", 0.0, 0.0, 0.0),)])
def test_nothing_to_show_is_no_failure(bars):
    assert spans(drawn(*bars), "i") == [(0, 0)] * len(bars)


def test_the_picture_is_described_by_its_figures():
    bar = Bar("pictures", 0.1, 0.05, 0.2, said="pictures buy +12 %")
    attributes = dict(Markup(drawn(bar, caption="NDCG", heading="cold users")).attributes)
    assert attributes["role"] == "img"
    assert attributes["aria-label"] == (
        "Bar chart. NDCG. cold users, pictures: 0.100 (0.050 to 0.200): pictures buy +12 %"
    )


def test_the_figures_follow_as_a_table():
    text = drawn(Bar("a", 0.1, 0.05, 0.2), Bar("b", 0.3, 0.2, 0.4, said="more"), heading="all")
    rows = re.findall(r"<tr>(.*?)</tr>", text[text.index("<table>") :])
    assert [re.findall(r">([^<>]+)<", row) for row in rows] == [
        ["figure", "from", "to", "so"],
        ["all, a", "0.100", "0.050", "0.200"],
        ["all, b", "0.300", "0.200", "0.400", "more"],
    ]


def test_hostile_text_stays_text():
    chart = Chart(HOSTILE, [(HOSTILE, [Bar(HOSTILE, 1, 1, 1, said=HOSTILE)])], HOSTILE)
    text = chart_html(chart)
    page = Markup(text)
    assert {"script", "img"}.isdisjoint(page.tags)
    assert HOSTILE not in text
    assert page.words.count(HOSTILE) == 6  # caption, note, heading, label and twice what is said
    assert {name for name, _ in page.attributes} <= {
        "class",
        "role",
        "aria-label",
        "style",
        "scope",
    }


def test_a_section_shows_its_charts(tmp_path):
    chart = Chart("NDCG by method", [("", [Bar("personal", 0.1, 0.05, 0.2)])])
    target = tmp_path / "page.html"
    write_gallery(target, title="Shop", sections=[Section("Figures", charts=[chart])])
    text = target.read_text(encoding="utf-8")
    assert chart_html(chart) in text
    assert "<script" not in text


REPORT = {
    "k": 10,
    "users": 1_000,
    "level": 0.95,
    "methods": {
        "personal": {"ndcg": {"value": 0.2, "low": 0.1, "high": 0.3}},
        "popularity": {"ndcg": {"value": 0.1, "low": 0.05, "high": 0.15}},
    },
    "segments": {
        "cold users": {
            "users": 12,
            "methods": {"personal": {"ndcg": {"value": 0.3, "low": 0.2, "high": 0.4}}},
        },
        "new items": {"users": 0, "methods": {}},
    },
    "ablation": [
        {
            "without": "words",
            "ndcg": {"value": 0.2, "low": 0.1, "high": 0.3},
            "difference": {"value": 0.01, "low": -0.01, "high": 0.03},
            "verdict": "no measurable effect",
        }
    ],
}


def test_an_evaluation_is_charts_of_methods_segments_and_parts():
    methods, segments, parts = evaluation_charts(REPORT)
    assert methods.groups == [
        ("", [Bar("personal", 0.2, 0.1, 0.3, tone=0), Bar("popularity", 0.1, 0.05, 0.15, tone=1)])
    ]
    assert "95% of bootstrap draws of 1,000 users" in methods.note
    assert segments.groups == [
        ("cold users: 12 users", [Bar("personal", 0.3, 0.2, 0.4)]),
        ("new items: 0 users", []),
    ]
    assert parts.groups == [
        ("", [Bar("with words", 0.01, -0.01, 0.03, said="no measurable effect")])
    ]
    assert "no measurable effect" in unescape(chart_html(parts))


def test_an_evaluation_without_segments_and_ablation_is_one_chart():
    assert len(evaluation_charts({**REPORT, "segments": {}, "ablation": []})) == 1


def test_what_was_not_measured_has_no_chart():
    assert evaluation_charts({"note": "not measured"}) == []
