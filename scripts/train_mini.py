"""Train sightline-mini, the encoder that comes with Sightline: pictures and words, from scratch.

    .venv/bin/pip install torch onnxruntime
    .venv/bin/python scripts/train_mini.py --data DATA --work WORK

Each stage leaves files in WORK and is not done again: the pixels and the teacher's features
(prepare), the text tower (head), the image tower (student), the same once more for what shops are
asked (polish), the pack (export). Checkpoints are written every two minutes, and a run that was
killed goes on from them; the schedule is that of `--steps`, so a run that takes too long can be
gone on with by fewer. The pack in models/mini took 8,000 steps and 1,600 of polishing (900, gone on
with to 1,600): 80 minutes of two cores with AMX, after a quarter of an hour for the stages before.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mini import corpus as corpora
from mini import head, student, teacher, vocabulary

STAGES = ("prepare", "head", "student", "polish", "export")
TEACHER = "teacher/mobilenet_v2_features_1280_u8nhwc.onnx"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet tables")
    parser.add_argument("--work", type=Path, required=True, help="folder for all that is made")
    parser.add_argument("--output", type=Path, help="where the pack goes (default: WORK/pack)")
    parser.add_argument("--card", type=Path, help="model card that goes into the pack")
    parser.add_argument("--until", choices=STAGES, default="export", help="last stage to do")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1 (default: cpu)")
    parser.add_argument("--threads", type=int, help="threads of a CPU (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--head-steps", type=int, default=2500)
    parser.add_argument("--steps", type=int, default=8000, help="steps of the student")
    parser.add_argument("--polish-steps", type=int, default=1600)
    return parser.parse_args(given)


def main() -> None:
    """Do the stages that are not done yet."""
    given = arguments()
    stages = STAGES[: STAGES.index(given.until) + 1]
    device = torch.device(given.device)
    if given.threads:
        torch.set_num_threads(given.threads)
    given.work.mkdir(parents=True, exist_ok=True)
    corpus = corpora.load(given.data)
    if "prepare" in stages:
        teacher.prepare(given.data, given.work, given.data / TEACHER)
    tokenizer = vocabulary.learn_tokens(corpus, given.work / "tokenizer.json")
    if "head" in stages:
        pixels = np.load(given.work / "pixels.npy", mmap_mode="r")
        kept = np.load(given.work / "features.npy", mmap_mode="r")
        features = [torch.from_numpy(view) for view in teacher.centred(kept)]
        common = {"seed": given.seed, "device": device}
        head.train_head(corpus, features, tokenizer, given.work, steps=given.head_steps, **common)
    for stage, course, steps in (
        ("student", student.STUDY, given.steps),
        ("polish", student.POLISH, given.polish_steps),
    ):
        if stage in stages:
            student.train_student(
                corpus,
                pixels,
                features,
                tokenizer,
                given.work,
                course=course,
                steps=steps,
                **common,
            )
    if "export" in stages:
        from mini import export

        export.write_packs(given.work, given.output or given.work / "pack", given.card)


if __name__ == "__main__":
    main()
