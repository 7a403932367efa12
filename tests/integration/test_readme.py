"""Runs every example of the README, as a newcomer would: in order, in one folder, in a shell."""

import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from sightline.images.codec import encode
from small_shop import COLOURS, draw, write_shop
from tiny_checkpoints import write_clip_checkpoint
from tiny_hub import serving

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
# Set-up commands work on the checkout itself: `.ci/run` runs the tests', the demo has its own test.
SETUP = ("bash scripts/", ".venv/bin/")


def lines(language):
    return [
        line
        for kind, text in BLOCKS
        if kind == language
        for line in text.splitlines()
        if line.strip()
    ]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """A folder with what the README speaks of: photos, a catalogue, a log, a query picture."""
    folder = tmp_path_factory.mktemp("newcomer")
    write_shop(folder)
    (folder / "photos" / "beach").mkdir(parents=True)
    for number, rgb in enumerate(COLOURS.values()):
        (folder / "photos" / f"{number}.png").write_bytes(encode(draw(rgb, number), "PNG"))
    sunset = encode(draw((230, 120, 40), 9), "JPEG", quality=90)
    (folder / "photos" / "beach" / "sunset.jpg").write_bytes(sunset)
    (folder / "query.jpg").write_bytes(sunset)
    numbers = pl.Series("item_id", [f"ITEM_{number}" for number in range(24)])
    items = pl.read_csv(folder / "items.csv")
    names = dict(zip(items["item_id"], numbers, strict=True))
    items.rename({"image": "product_image_url"}).with_columns(
        numbers, category=pl.lit("Mugs"), description=pl.lit("A thing.")
    ).write_csv(folder / "items.csv")
    pl.read_csv(folder / "events.csv").with_columns(
        pl.col("item_id").replace(names), pl.col("user_id").str.replace("U", "USER_")
    ).write_csv(folder / "events.csv")
    (folder / "model.yaml").write_text(next(text for kind, text in BLOCKS if kind == "yaml"))
    write_clip_checkpoint(folder / "clip")
    with serving() as hub:
        hub.add("openai/clip-vit-base-patch32", folder / "clip")
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("HF_ENDPOINT", hub.address)
            environment.setenv("HF_HOME", str(folder / "hf"))
            yield folder


def run(newcomer, *command):
    bin_folder = Path(sys.executable).parent
    path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "SIGHTLINE_HOME": str(newcomer / "home"), "PATH": path}
    return subprocess.run(
        command, cwd=newcomer, env=environment, capture_output=True, text=True, check=False
    )


def test_every_shell_example_runs_in_order_and_then_the_python_one(newcomer):
    commands = [line for line in lines("bash") if not line.startswith(SETUP)]
    assert len(commands) >= 10
    for command in commands:
        done = run(newcomer, "bash", "-c", command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    python = "\n".join(text for kind, text in BLOCKS if kind == "python")
    done = run(newcomer, sys.executable, "-W", "error", "-c", python)
    assert done.returncode == 0, done.stderr
    assert "Thing number" in done.stdout


def test_every_setup_command_names_a_script_that_is_there():
    named = {
        word for line in lines("bash") for word in line.split() if word.endswith((".sh", ".py"))
    }
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_command_of_the_readme_exists():
    from sightline.cli import main

    mentioned = set(re.findall(r"(?:^|`)sightline ([a-z]+(?:-[a-z]+)*)", README, re.MULTILINE))
    assert mentioned - set(main.commands) == set()
    assert {"index", "rank"} <= mentioned
