import os
import subprocess
import sys

import pytest
from sightline.errors import (
    CorruptGenerationError,
    InvalidNameError,
    ModelBusyError,
    ModelNotFoundError,
    StorageError,
)
from sightline.store.home import Home
from sightline.store.lock import is_building, model_lock
from sightline.store.recipe import Recipe
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


def test_folder_that_no_model_could_have_is_not_listed(home):
    for name in ("shop", "my notes", "lost+found", ".deleted-x"):
        (home.path / "models" / name).mkdir(parents=True)
    assert home.models() == ["shop"]


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


def test_progress_does_not_wait_for_the_disk_and_stages_do(tmp_path, synced):
    writer = StatusWriter(tmp_path, lambda _: None)
    synced.clear()
    writer.progress("pictures", 1, 10)
    assert read_status(tmp_path).step == "pictures"
    assert synced == []
    writer.stage(State.FETCHING)
    assert tmp_path.name in synced


def test_error_keeps_its_message_and_a_new_build_keeps_the_birth_date(tmp_path):
    first = StatusWriter(tmp_path, lambda _: None)
    first.fail("no such table")
    failed = read_status(tmp_path)
    assert (failed.state, failed.error_message) == ("ERROR", "no such table")
    again = StatusWriter(tmp_path, lambda _: None).status
    assert again.created_at == failed.created_at
    assert again.error_message is None


HOLDER = (
    "import sys; from sightline.store.home import Home\n"
    "from sightline.store.lock import model_lock\n"
    "with model_lock(Home(sys.argv[1]), 'shop'):\n"
    "    print('held', flush=True); sys.stdin.read()"
)


def test_build_of_another_user_is_seen(shared_folder, as_another_user):
    home = Home(shared_folder)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with as_another_user():
            assert is_building(home, "shop")
        holder.stdin.close()
        holder.wait()
    with as_another_user():
        assert not is_building(home, "shop")
    home.lock_file("shop").chmod(0o600)
    with as_another_user():
        assert is_building(home, "shop")  # it cannot be told


def test_nothing_is_building_on_a_read_only_disk(tiny_disk):
    home = Home(tiny_disk)
    with model_lock(home, "shop"):
        pass
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    assert not is_building(home, "shop")


def test_lock_file_has_the_permissions_that_the_umask_gives(home):
    before = os.umask(0o002)
    try:
        with model_lock(home, "shop"):
            pass
    finally:
        os.umask(before)
    assert home.lock_file("shop").stat().st_mode & 0o777 == 0o664


def test_home_of_another_user_that_may_not_be_read_is_a_storage_error(
    shared_folder, as_another_user
):
    home = Home(shared_folder / "home")
    StatusWriter(home.model("shop"), lambda _: None)
    (home.model("shop") / "status.json").chmod(0o600)
    with as_another_user(), pytest.raises(StorageError, match=r"cannot read .*permission denied"):
        read_status(home.model("shop"))
    home.path.chmod(0o700)
    with as_another_user(), pytest.raises(StorageError, match="permission denied"):
        home.models()
    with as_another_user(), pytest.raises(StorageError, match="permission denied"):
        home.existing_model("shop")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"state": "DREAMING"}',
        '{"state": "ACTIVE", "mood": "calm"}',
        "\N{LATIN SMALL LETTER E WITH ACUTE}",
    ],
)
def test_status_that_cannot_be_read_is_an_error_that_a_new_build_mends(tmp_path, text):
    (tmp_path / "status.json").write_text(text, "latin-1")
    status = read_status(tmp_path)
    assert status.state is State.ERROR
    assert "update-model" in status.error_message
    assert StatusWriter(tmp_path, lambda _: None).status.created_at


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"in_memory": [], "allow_hosts": []}'])
def test_recipe_that_is_lost_says_to_create_the_model_again(tmp_path, text):
    if text is not None:
        (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(CorruptGenerationError, match=r"recipe\.json .*create-model --file"):
        Recipe.load(tmp_path)


def test_recipe_comes_back_as_it_was(tmp_path):
    recipe = Recipe({"model": {"name": "shop"}}, "/shop", "attributes", {"a": "b"}, ("c",), ("d",))
    recipe.propose(tmp_path)
    assert Recipe.load(tmp_path) == recipe
    Recipe.adopt(tmp_path)
    assert Recipe.load(tmp_path) == recipe


def test_recipe_in_force_stays_until_the_proposed_one_is_adopted(tmp_path):
    first, second = (Recipe({"model": {"name": name}}, "/", "attributes") for name in ("a", "b"))
    first.propose(tmp_path)
    Recipe.adopt(tmp_path)
    second.propose(tmp_path)
    assert Recipe.load(tmp_path) == first
    Recipe.adopt(tmp_path)
    assert Recipe.load(tmp_path) == second


def test_recipe_which_may_hold_passwords_is_for_its_owner_alone(tmp_path):
    Recipe({}, "/", "attributes").propose(tmp_path)
    Recipe.adopt(tmp_path)
    assert (tmp_path / "recipe.json").stat().st_mode & 0o077 == 0
