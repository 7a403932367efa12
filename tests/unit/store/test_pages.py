"""What people were shown: kept for a while, whole, and for as many people as there is room for."""

import threading
from dataclasses import replace

import pytest
from sightline.errors import StorageError
from sightline.store import pages
from sightline.store.pages import FILE, Book, PageStore

HOUR = 3_600


class Clock:
    """A clock that tests turn."""

    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path, clock):
    return PageStore(tmp_path, HOUR, clock)


def show(store, *ids, user="U1", name="", turned=0):
    """Note down that these were shown after what was; return the whole book."""

    def add(book):
        added = Book((*book.shown, *ids), book.turned + turned, book.seed)
        return added, added

    return store.change(user, name, store.book(user, name), add)


def test_a_book_is_read_as_it_was_written_by_whoever_shares_the_folder(store, tmp_path, clock):
    written = show(store, "a", "b", turned=1)
    assert (written.shown, written.turned) == (("a", "b"), 1)
    assert PageStore(tmp_path, HOUR, clock).book("U1", "") == written


def test_books_of_people_and_of_lists_are_apart(store):
    show(store, "a")
    show(store, "b", user="U2")
    show(store, "c", name="other")
    assert store.book("U1", "").shown == ("a",)
    assert store.book("U2", "").shown == ("b",)
    assert store.book("U1", "other").shown == ("c",)


def test_a_person_without_a_book_gets_an_empty_one_with_a_seed_of_its_own(store):
    one, other = store.book("U1", ""), store.book("U1", "")
    assert (one.shown, one.turned) == ((), 0)
    assert one.seed != other.seed


def test_the_first_to_write_says_which_seed_it_is(store):
    one, other = store.book("U1", ""), store.book("U1", "")
    store.change("U1", "", one, lambda book: (replace(book, shown=("a",)), None))
    seen = store.change("U1", "", other, lambda book: (book, book))
    assert seen == Book(("a",), 0, one.seed)


def test_a_book_is_forgotten_once_nothing_was_added_for_the_time_to_live(store, clock):
    show(store, "a")
    clock.now += HOUR - 1
    show(store, "b")
    clock.now += HOUR - 1
    assert store.book("U1", "").shown == ("a", "b")
    clock.now += 1
    assert store.book("U1", "").shown == ()


def test_asking_without_being_shown_anything_does_not_keep_a_book_alive(store, clock):
    show(store, "a")
    clock.now += HOUR / 2
    show(store, turned=1)
    clock.now += HOUR / 2
    assert store.book("U1", "").shown == ()


def test_a_book_of_a_time_to_come_is_forgotten_too(store, clock):
    show(store, "a")
    clock.now -= 2 * HOUR
    assert store.book("U1", "").shown == ()
    show(store, "b", user="U2")
    assert count(store) == 1


def count(store):
    with store._open() as database:
        return database.execute("SELECT count(*) FROM books").fetchone()[0]


def test_what_is_forgotten_leaves_the_disk_when_another_book_is_written(store, clock):
    show(store, "a")
    show(store, "a", user="U2")
    clock.now += HOUR
    show(store, "b", user="U3")
    assert count(store) == 1


def test_beyond_the_most_those_unread_for_longest_are_forgotten(store, clock, monkeypatch):
    monkeypatch.setattr(pages, "MOST_BOOKS", 3)
    for user in ("U1", "U2", "U3", "U1", "U4"):
        clock.now += 1
        show(store, "a", user=user)
    kept = [user for user in ("U1", "U2", "U3", "U4") if store.book(user, "").shown]
    assert kept == ["U1", "U3", "U4"]


def test_all_lists_of_a_person_are_forgotten_together_and_no_one_else_s(store):
    show(store, "a")
    show(store, "b", name="other")
    show(store, "c", user="U2")
    store.forget("U1")
    assert [store.book("U1", name).shown for name in ("", "other")] == [(), ()]
    assert store.book("U2", "").shown == ("c",)


def test_a_book_that_was_forgotten_meanwhile_does_not_come_back(store):
    begun = show(store, "a", "b", turned=2)
    store.forget("U1")
    seen = store.change("U1", "", begun, lambda book: (book, book))
    assert seen == Book((), 0, begun.seed)


@pytest.mark.parametrize("user", ["", "' OR 1=1 --", "名前", "\ud800", "a\0b"])
def test_any_text_names_a_person(store, user):
    show(store, "a", user=user)
    assert store.book(user, "").shown == ("a",)
    assert store.book(user + "x", "").shown == ()


def test_a_change_that_fails_changes_nothing(store):
    begun = show(store, "a")
    with pytest.raises(ZeroDivisionError):
        store.change("U1", "", begun, lambda book: (book, 1 / 0))
    assert show(store, "b").shown == ("a", "b")


def test_threads_with_stores_of_their_own_lose_nothing_to_each_other(tmp_path, clock):
    def add(number):
        store = PageStore(tmp_path, HOUR, clock)
        for place in range(20):
            show(store, f"{number}-{place}")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shown = PageStore(tmp_path, HOUR, clock).book("U1", "").shown
    assert len(shown) == len(set(shown)) == 80


def test_a_damaged_file_is_told_of_once_and_begun_again(store, tmp_path):
    show(store, "a")
    (tmp_path / FILE).write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match=r"cannot keep pages in .*not a database"):
        store.book("U1", "")
    assert store.book("U1", "").shown == ()
    assert show(store, "b").shown == ("b",)


def test_a_folder_that_is_gone_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="point --home"):
        PageStore(tmp_path / "gone", HOUR).book("U1", "")


def test_a_full_disk_is_a_storage_error_and_keeps_what_there_was(tiny_disk):
    store = PageStore(tiny_disk, HOUR)
    show(store, "a")
    with pytest.raises(StorageError, match="full"):
        show(store, "x" * 3_000_000)
    assert store.book("U1", "").shown == ("a",)
