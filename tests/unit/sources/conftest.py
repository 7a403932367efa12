"""Sources of every kind that these tests read for real, PostgreSQL included."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from sightline.sources.connect import Binding, open_source
from sightline.sources.fetch import run_queries

POSTGRES_PASSWORD = "p@ss w0rd/?#"


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def query(tmp_path: Path) -> Callable[..., pl.DataFrame]:
    """Run one query over bindings: ``query("SELECT …", shop="shop.csv")``."""

    def run(sql: str, **bindings: Binding) -> pl.DataFrame:
        sources = {
            name: open_source(binding, connector=name, base_dir=tmp_path)
            for name, binding in bindings.items()
        }
        return run_queries({"items": sql}, sources).tables["items"]

    return run


class PostgresServer:
    """A server of its own, on a socket of its own, gone with the session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        quoted = "p%40ss%20w0rd%2F%3F%23"
        self.uri = f"postgresql://shop:{quoted}@/postgres?host={folder}"

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = programs[-1] if programs else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    bin_folder = Path(initdb).parent
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has 107 bytes at most
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def call(program: str, *arguments: str) -> None:
        command = [str(bin_folder / program), *arguments]
        with (folder / "log").open("a") as log:
            subprocess.run(command, check=True, cwd=folder, stdout=log, stderr=log, **as_user)

    data = str(folder / "data")
    password_file = folder / "password"
    password_file.write_text(POSTGRES_PASSWORD)
    password_file.chmod(0o644)
    authentication = ["-A", "scram-sha-256", f"--pwfile={password_file}"]
    call("initdb", "-D", data, "-U", "shop", "-E", "UTF8", "--no-sync", *authentication)
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    call("pg_ctl", "-D", data, "-w", "-o", options, "start")
    try:
        yield PostgresServer(folder)
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)
