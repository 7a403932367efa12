"""The wheel: all of the packages and nothing else, working where there is no checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
FOLDERS = {"engine": "sightline", "kernels": "sightline_kernels", "models": "sightline_models"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Build the wheel from a copy: what an earlier build left in the checkout must not get in."""
    copy, target = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, copy)
    for folder in FOLDERS:
        shutil.copytree(
            CHECKOUT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(copy))
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--target", str(target), str(wheel))
    return target


def pip(*arguments: str) -> None:
    # --no-index: building and installing must not need the network.
    command = [sys.executable, "-m", "pip", *arguments, "--no-index", "--quiet"]
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


def run_outside_the_checkout(installed: Path, *arguments: str) -> str:
    # -S leaves out the .pth files, and with them the editable installation; what the wheel
    # depends on comes from the folder where these tests find it too.
    libraries = (str(installed), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    finished = subprocess.run(
        [sys.executable, "-S", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=installed.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(libraries)},
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_package_list_names_every_folder_that_is_a_package() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    found = [
        ".".join((package, *path.parent.relative_to(CHECKOUT / folder).parts))
        for folder, package in FOLDERS.items()
        for path in (CHECKOUT / folder).rglob("__init__.py")
    ]
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(found)


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel) -> None:
    written = {
        package + path.removeprefix(str(CHECKOUT / folder))
        for folder, package in FOLDERS.items()
        for path in map(str, (CHECKOUT / folder).rglob("*.*"))
        if "__pycache__" not in path
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == written


def test_type_checkers_are_told_that_the_packages_are_typed(wheel) -> None:
    packed = zipfile.ZipFile(wheel).namelist()
    assert {f"{package}/py.typed" for package in FOLDERS.values()} <= set(packed)


def test_what_is_imported_outside_the_checkout_is_the_wheel(installed) -> None:
    imports = f"import {', '.join(FOLDERS.values())}"
    files = ", ".join(f"{package}.__file__" for package in FOLDERS.values())
    printed = run_outside_the_checkout(installed, "-c", f"{imports}; print({files}, sep='\\n')")
    assert printed.split("\n")[:-1] == [
        str(installed / package / "__init__.py") for package in FOLDERS.values()
    ]


def test_the_public_names_come_with_the_wheel(installed) -> None:
    code = "from sightline import Client, Response, Shaped; print(Client is Shaped)"
    assert run_outside_the_checkout(installed, "-c", code) == "True\n"


def test_the_installed_command_shows_its_help(installed) -> None:
    printed = run_outside_the_checkout(installed, str(installed / "bin" / "sightline"), "--help")
    assert "create-model" in printed
