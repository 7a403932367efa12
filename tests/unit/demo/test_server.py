import http.client
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from sightline.demo.server import serve_folder


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "shop"
    inside.mkdir()
    (inside / "a.jpg").write_bytes(b"picture")
    (tmp_path / "secret.txt").write_text("secret")
    (inside / "link.txt").symlink_to(tmp_path / "secret.txt")
    return inside


@pytest.fixture
def connection(folder):
    with serve_folder(folder) as base_url:
        client = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=5)
        yield client
        client.close()


def ask(connection, path, *, method="GET", **headers):
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    response = connection.getresponse()
    return response, response.read()


def test_a_file_comes_with_its_type_and_length(connection):
    response, body = ask(connection, "/a.jpg")
    assert (response.status, body) == (200, b"picture")
    assert response.headers["Content-Type"] == "image/jpeg"
    assert response.headers["Content-Length"] == "7"


def test_one_connection_serves_many_requests(connection):
    first, _ = ask(connection, "/a.jpg")
    socket = connection.sock
    second, _ = ask(connection, "/nothing.jpg")
    third, _ = ask(connection, "/a.jpg")
    assert (first.version, first.status, second.status, third.status) == (11, 200, 404, 200)
    assert connection.sock is socket


def test_an_unchanged_file_is_not_sent_twice(connection):
    first, _ = ask(connection, "/a.jpg")
    second, body = ask(connection, "/a.jpg", If_None_Match=first.headers["ETag"])
    assert (second.status, body) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]


def test_a_changed_file_is_sent_again(connection, folder):
    first, _ = ask(connection, "/a.jpg")
    (folder / "a.jpg").write_bytes(b"another picture")
    second, body = ask(connection, "/a.jpg", If_None_Match=first.headers["ETag"])
    assert (second.status, body) == (200, b"another picture")


def test_head_sends_no_body(connection):
    response, body = ask(connection, "/a.jpg", method="HEAD")
    assert (response.status, response.headers["Content-Length"], body) == (200, "7", b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/a.jpg/../../secret.txt",
        "//../secret.txt",
        "/link.txt",
        "/%00",
        "/",
        "/" + "a" * 5000,
    ],
)
def test_nothing_but_files_inside_the_folder_is_served(connection, path):
    response, body = ask(connection, path)
    assert response.status == 404
    assert b"secret" not in body


def test_a_file_written_later_is_served(connection, folder):
    (folder / "late.png").write_bytes(b"late")
    response, body = ask(connection, "/late.png")
    assert (response.status, body) == (200, b"late")


def test_many_clients_are_served_at_once(folder):
    def fetch(_):
        client = http.client.HTTPConnection(urlsplit(base_url).netloc, timeout=10)
        try:
            return ask(client, "/a.jpg")[1]
        finally:
            client.close()

    with serve_folder(folder) as base_url, ThreadPoolExecutor(32) as pool:
        assert list(pool.map(fetch, range(100))) == [b"picture"] * 100


def test_the_server_is_gone_after_the_block(folder):
    with serve_folder(folder) as base_url:
        address = urlsplit(base_url)
    client = http.client.HTTPConnection(address.netloc, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        client.request("GET", "/a.jpg")
