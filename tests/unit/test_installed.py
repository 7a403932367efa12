"""Who brought what is installed, and whether it can be imported, in folders made for it."""

import os

import pytest
from sightline.installed import import_failures, owners, version_of


@pytest.fixture
def site(tmp_path):
    """Return a function that installs a distribution into a folder of its own kind."""

    def install(name, version, *files, folder="site", record="RECORD"):
        info = tmp_path / folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        if record == "RECORD":
            lines = [f"{file},sha256=abc,10" for file in files]
            (info / "RECORD").write_text("\n".join([*lines, f"{info.name}/METADATA,,"]) + "\n")
        elif record == "top_level.txt":
            tops = {file.partition("/")[0].removesuffix(".py") for file in files}
            (info / "top_level.txt").write_text("\n".join(tops))
        return str(tmp_path / folder)

    return install


def test_one_owner_is_named_with_its_version(site):
    path = [site("pillow", "13.0.0", "PIL/__init__.py", "PIL/Image.py")]
    assert owners("PIL", path) == ["pillow 13.0.0"]
    assert owners("onnxruntime", path) == []


@pytest.mark.parametrize(
    ("package", "first", "second"),
    [
        ("PIL", "pillow", "pillow-simd"),
        ("onnxruntime", "onnxruntime", "onnxruntime-gpu"),
    ],
)
def test_two_that_overwrite_each_other_are_both_named(package, first, second, site):
    site(first, "2.0", f"{package}/__init__.py")
    path = [site(second, "1.0", f"{package}/__init__.py")]
    assert owners(package, path) == [f"{first} 2.0", f"{second} 1.0"]


def test_a_name_that_begins_alike_is_another_package(site):
    path = [site("pilot", "1.0", "PILOT/__init__.py", "PIL_extra.py", "other/PIL/__init__.py")]
    assert owners("PIL", path) == []


def test_a_module_of_one_file_has_an_owner(site):
    assert owners("six", [site("six", "1.17", "six.py")]) == ["six 1.17"]


def test_an_installation_without_a_record_is_known_by_its_top_level(site):
    path = [site("pillow-simd", "12.1.1", "PIL/__init__.py", record="top_level.txt")]
    assert owners("PIL", path) == ["pillow-simd 12.1.1"]


def test_of_two_folders_the_first_is_the_one_that_is_imported(site):
    near = site("pillow", "13.0.0", "PIL/__init__.py", folder="near")
    far = site("pillow-simd", "12.1.1", "PIL/__init__.py", folder="far")
    assert owners("PIL", [near, far]) == ["pillow 13.0.0"]
    assert owners("PIL", [far, near]) == ["pillow-simd 12.1.1"]


def test_without_folders_this_environment_is_looked_at():
    (owner,) = owners("pytest")
    assert owner == f"pytest {version_of('pytest')}"
    assert version_of("no-such-distribution") is None


def test_what_can_be_imported_is_no_failure():
    assert import_failures(["json", "numpy"]) == {}


def test_each_module_that_fails_is_told_with_its_reason(tmp_path, monkeypatch):
    modules = {
        "noisy_module": "print('hello'); print('ok')",
        "failing_module": "raise RuntimeError('first line\\nsecond line')",
        "silent_module": "raise KeyboardInterrupt",
        "leaving_module": "import os; os._exit(3)",
        "foreign_module": "import os, signal; os.kill(os.getpid(), signal.SIGILL)",
    }
    for name, source in modules.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", os.fspath(tmp_path))
    assert import_failures([*modules, "no_such_module", "json"]) == {
        "failing_module": "RuntimeError: first line",
        "silent_module": "KeyboardInterrupt: no reason given",
        "leaving_module": "it ended the process with code 3",
        "foreign_module": "it ended the process with SIGILL",
        "no_such_module": "ModuleNotFoundError: No module named 'no_such_module'",
    }
