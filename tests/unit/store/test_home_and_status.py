import subprocess
import sys

import pytest
from sightline.errors import InvalidNameError, ModelBusyError, ModelNotFoundError
from sightline.store.home import Home
from sightline.store.lock import is_building, model_lock
from sightline.store.status import State, StatusWriter, read_status


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", ".hidden", "a..b", "x" * 101, "a b", "C:x", "é", "a."]
)
def test_name_that_is_no_folder_of_its_own_is_refused(home, name):
    with pytest.raises(InvalidNameError, match="cannot be used"):
        home.model(name)


def test_home_comes_from_the_environment_when_not_given(monkeypatch, tmp_path):
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path / "elsewhere"))
    assert Home().path == tmp_path / "elsewhere"


def test_unknown_model_error_lists_the_models_there_are(home):
    home.model("shop").mkdir(parents=True)
    with pytest.raises(ModelNotFoundError, match="models here: shop"):
        home.existing_model("shpo")


def test_removed_folder_is_gone_and_not_listed(home):
    home.model("shop").mkdir(parents=True)
    home.remove(home.model("shop"))
    assert home.models() == []


def test_second_process_cannot_take_the_lock_of_a_model(home):
    script = (
        "import sys; from sightline.store.home import Home\n"
        "from sightline.store.lock import model_lock\n"
        "with model_lock(Home(sys.argv[1]), 'shop'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        assert is_building(home, "shop")
        with (
            pytest.raises(ModelBusyError, match="view-model --model-name shop"),
            model_lock(home, "shop"),
        ):
            pass
        holder.stdin.close()
        holder.wait()
    assert not is_building(home, "shop")
    with model_lock(home, "shop"):
        pass


def test_killed_builder_holds_no_lock(home):
    script = (
        "import os, signal, sys; from sightline.store.home import Home\n"
        "from sightline.store.lock import model_lock\n"
        "with model_lock(Home(sys.argv[1]), 'shop'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(home.path)], check=False)
    assert not is_building(home, "shop")


def test_status_on_disk_follows_the_stages_and_keeps_their_times(tmp_path):
    heard = []
    writer = StatusWriter(tmp_path, heard.append)
    writer.stage(State.FETCHING)
    writer.progress("pictures", 3, 10)
    on_disk = read_status(tmp_path)
    assert (on_disk.state, on_disk.step, on_disk.done, on_disk.total) == (
        "FETCHING",
        "pictures",
        3,
        10,
    )
    writer.stage(State.ACTIVE)
    assert set(read_status(tmp_path).seconds) == {"SCHEDULING", "FETCHING"}
    assert [status.state for status in heard] == ["SCHEDULING", "FETCHING", "FETCHING", "ACTIVE"]


def test_error_keeps_its_message_and_a_new_build_keeps_the_birth_date(tmp_path):
    first = StatusWriter(tmp_path, lambda _: None)
    first.fail("no such table")
    failed = read_status(tmp_path)
    assert (failed.state, failed.error_message) == ("ERROR", "no such table")
    again = StatusWriter(tmp_path, lambda _: None).status
    assert again.created_at == failed.created_at
    assert again.error_message is None
