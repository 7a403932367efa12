import re
from html.parser import HTMLParser

import pytest
from sightline.demo.page import Card, Row, Section, Table, write_gallery

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"
VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Checks that elements nest, and collects what the tests ask about."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.images, self.ids, self.words = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag == "img":
            self.images.append(attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def sections(picture=b"\xff\xd8\xff picture"):
    seen = Card("Mug", "Kitchen", picture)
    hit = Card("Vase", "Home", picture, score=0.75, parts={"taste": 0.5, "trending": 0.25})
    blank = Card("Clock", "Home", score=0.5)
    return [
        Section("Ranked", "A note.", rows=[Row("U1", "Picked", [seen], "Ranked", [hit, blank])]),
        Section("Numbers", tables=[Table("Pictures", ["Outcome", "Items"], [["ok", "546"]])]),
    ]


@pytest.fixture
def target(tmp_path):
    return tmp_path / "gallery.html"


def written(target, parts):
    write_gallery(target, title="Shop", sections=parts)
    text = target.read_text(encoding="utf-8")
    return text, Page(text)


def test_elements_nest_and_ids_are_unique(target):
    text, page = written(target, sections())
    assert text.startswith("<!doctype html>")
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))


def test_the_page_needs_nothing_but_itself(target):
    text, page = written(target, sections())
    assert {"script", "link", "iframe"} & set(page.tags) == set()
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.images)
    assert re.search(r"https?:|url\(|@import", text) is None


def test_every_picture_has_an_alternative_text(target):
    _, page = written(target, sections())
    assert [image["alt"] for image in page.images] == ["Mug", "Vase"]


def test_an_item_without_picture_gets_a_placeholder(target):
    text, page = written(target, sections())
    assert len(page.images) == 2
    assert text.count('aria-label="No picture"') == 1


def test_scores_and_their_parts_are_shown(target):
    _, page = written(target, sections())
    words = "".join(page.words)
    assert "0.750" in words
    assert "taste 0.500" in words
    assert "trending 0.250" in words


def test_the_bar_is_split_in_proportion_to_the_parts(target):
    text, _ = written(target, sections())
    assert re.findall(r"flex-grow:(\d+)", text) == ["667", "333"]


def test_tables_show_their_cells(target):
    _, page = written(target, sections())
    assert {"Pictures", "Outcome", "ok", "546"} <= set(page.words)


def test_hostile_text_stays_text(target):
    row = Row(HOSTILE, HOSTILE, [Card(HOSTILE, HOSTILE, b"x")], HOSTILE, [Card(HOSTILE)])
    hostile = Section(HOSTILE, HOSTILE, [row], [Table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE]])])
    write_gallery(target, title=HOSTILE, sections=[hostile])
    page = Page(target.read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert len(page.images) == 1
    assert page.images[0]["alt"] == HOSTILE
    assert set(page.images[0]) == {"src", "alt", "width", "height"}
    assert page.words.count(HOSTILE) == 15  # once for each place where text is shown


def test_a_hostile_part_name_stays_text(target):
    card = Card("Mug", parts={HOSTILE: 1.0})
    parts = [Section("S", rows=[Row("R", "Given", [], "Found", [card])])]
    text, page = written(target, parts)
    assert "script" not in page.tags
    assert HOSTILE not in text


def test_a_page_is_replaced_whole_and_leaves_nothing_beside_it(target):
    target.write_text("old")
    written(target, sections())
    assert "old" not in target.read_text()
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_failed_write_leaves_the_old_page(target):
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_gallery(target, title="\ud800", sections=[])
    assert target.read_text() == "old"
    assert [path.name for path in target.parent.iterdir()] == [target.name]
