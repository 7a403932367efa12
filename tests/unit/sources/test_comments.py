import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.sources.comments import strip_comments

BLOG = """SELECT
  item_id, title, description,
  product_image_url, # <-- Just include the image URL field
  category, price
FROM items_source
"""


def test_the_query_of_the_post_becomes_sql():
    sql = strip_comments(BLOG)
    assert sql == BLOG.replace("# <-- Just include the image URL field", "")
    assert duckdb.extract_statements(sql)[0].type.name == "SELECT"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1 # one", "SELECT 1 "),
        ("# first line\nSELECT 1", "\nSELECT 1"),
        ("SELECT 1 # one # two\n# three\n, 2", "SELECT 1 \n\n, 2"),
        ("SELECT 1 #", "SELECT 1 "),
        ("SELECT a -- note # more\n, b # c", "SELECT a \n, b "),
        ("SELECT a # note -- more\n, b", "SELECT a \n, b"),
        ("SELECT a/* note # one */b", "SELECT a b"),
        ("SELECT a /* outer /* inner */ # still a comment */, b", "SELECT a  , b"),
        ("SELECT a /* two\nlines # of it */, b", "SELECT a  \n, b"),
        ("SELECT a # it's a note\n, b # \"odd\n", "SELECT a \n, b \n"),
        ("SELECT a # /* not opened\n, b", "SELECT a \n, b"),
        ("SELECT a #---- section ----\n, b", "SELECT a \n, b"),
        ("SELECT a#b", "SELECT a"),
    ],
)
def test_a_comment_goes_and_no_more(sql, expected):
    assert strip_comments(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '#fff' AS colour",
        "SELECT 'it''s # one' AS a",
        "SELECT 'ends in a backslash \\', '# not a note'",
        "SELECT E'escaped \\' # quote'",
        "SELECT e'doubled '' # quote'",
        'SELECT "colour #1" FROM t',
        'SELECT "a ""b"" # c" FROM t',
        "SELECT `back # tick` FROM t",
        "SELECT $$ any # thing $$",
        "SELECT $tag$ any $$ # thing $tag$",
        "SELECT details #> '{a,b}' FROM t",
        "SELECT details #>> '{a,b}' FROM t",
        "SELECT a, b FROM t ORDER BY #2",
        "SELECT 'never closed # text",
        "SELECT a /* never closed /* # text */",
        "",
    ],
)
def test_what_is_not_a_note_stays(sql):
    assert strip_comments(sql) == sql


NOTES = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])).filter(
    lambda text: not (text[:1].isdigit() or text.startswith(">"))
)
PIECES = st.one_of(
    st.sampled_from(["SELECT ", "a, ", "(b + 1) ", "\n", "#1 ", "a #> b ", "$$ c # d -- $$ "]),
    st.text(st.characters(exclude_categories=["Cs"])).map(
        lambda text: "'" + text.replace("'", "''") + "' "
    ),
    st.text(st.characters(exclude_categories=["Cs"])).map(
        lambda text: ' "' + text.replace('"', '""') + '" '
    ),
)


@given(st.lists(st.tuples(PIECES, st.none() | NOTES)))
def test_exactly_the_notes_go(parts):
    with_notes = "".join(piece + ("" if note is None else f"#{note}\n") for piece, note in parts)
    without = "".join(piece + ("" if note is None else "\n") for piece, note in parts)
    assert strip_comments(with_notes) == without


@given(st.text(alphabet="ab1 #'\"`$\\-/*>\nE"))
def test_a_second_pass_finds_nothing_and_line_numbers_stay(sql):
    stripped = strip_comments(sql)
    assert strip_comments(stripped) == stripped
    assert stripped.count("\n") == sql.count("\n")
