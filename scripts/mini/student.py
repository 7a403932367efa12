"""Second and third stage: the image tower, from pixels, with the text tower beside it.

Four losses: texts and pictures of a batch and of the batches before tell each other apart; the
teacher's features are reproduced; the first stage's vectors are reproduced; and who is near whom
in a batch is as the teacher has it.
"""

import copy
import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from .batches import POLISHING_SHARES, SHARES, Rows, augmented, draw_views, wording
from .corpus import Corpus
from .head import HEAD
from .losses import asked, contrast, distance, relations
from .progress import Checkpoint, Log
from .towers import Images, TeacherHead, Texts

_BATCH = 256
_TEXTS = 2
"""Texts per picture and step: both together take an eighth of a step."""
_MEMORY = 8
"""Batches that stay as further negatives (cross-batch memory, Wang et al., CVPR 2020)."""
_WARM_UP = 300
_AVERAGE = 0.999
"""The weights that are kept are the moving average of those that are trained."""


@dataclass(frozen=True, slots=True)
class Course:
    """What is trained for, and how fast; `file` is the checkpoint that it ends in."""

    file: str
    shares: Mapping[str, float]
    features: float
    goals: float
    relations: float
    rates: Mapping[str, float]


STUDY = Course("student.pt", SHARES, 3.0, 3.0, 1.0, {"images": 2e-3, "texts": 4e-4, "scale": 4e-4})
POLISH = Course(
    "polished.pt", POLISHING_SHARES, 1.0, 0.5, 1.0, {"images": 6e-4, "texts": 3e-4, "scale": 1e-4}
)
"""The last stage: the teacher, to which colours mean little, steps back."""


class Student:
    """Everything that a step changes, so that it can be saved and gone on with."""

    def __init__(
        self,
        corpus: Corpus,
        vocabulary: int,
        start: dict[str, Any],
        course: Course,
        seed: int,
        device: torch.device,
    ) -> None:
        torch.manual_seed(seed)
        self.device = device
        self.course = course
        self.images = Images().to(device, memory_format=torch.channels_last)
        if "images" in start:
            self.images.load_state_dict(start["images"])
        self.texts = Texts(vocabulary).to(device)
        self.texts.load_state_dict(start["texts"])
        self.scale = nn.Parameter(start["scale"].to(device))
        self.averages = [copy.deepcopy(tower).eval() for tower in (self.images, self.texts)]
        self.optimizer = torch.optim.AdamW(self._groups(), fused=True)
        self.rng, self.words = np.random.default_rng(seed), random.Random(seed)
        self.rows = Rows(corpus, self.rng, course.shares)
        self.memory: deque[tuple[Tensor, ...]] = deque(maxlen=_MEMORY)
        self.step = 0

    def _groups(self) -> list[dict[str, Any]]:
        groups = []
        for name, tower, decay in (("images", self.images, 0.05), ("texts", self.texts, 0.1)):
            for is_matrix in (True, False):
                members = [p for p in tower.parameters() if (p.ndim > 1) == is_matrix]
                groups.append(
                    {
                        "params": members,
                        "weight_decay": decay * is_matrix,
                        "base": self.course.rates[name],
                    }
                )
        return [
            *groups,
            {"params": [self.scale], "weight_decay": 0.0, "base": self.course.rates["scale"]},
        ]

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds."""
        return {
            "step": self.step,
            "images": self.images.state_dict(),
            "texts": self.texts.state_dict(),
            "scale": self.scale.detach(),
            "averages": [tower.state_dict() for tower in self.averages],
            "optimizer": self.optimizer.state_dict(),
            "chance": (self.rng.bit_generator.state, self.words.getstate()),
            "torch": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint; sources are shuffled anew, and the memory fills again."""
        self.step = state["step"]
        self.images.load_state_dict(state["images"])
        self.texts.load_state_dict(state["texts"])
        self.scale.data.copy_(state["scale"])
        for tower, saved in zip(self.averages, state["averages"], strict=True):
            tower.load_state_dict(saved)
        self.optimizer.load_state_dict(state["optimizer"])
        self.rng.bit_generator.state = state["chance"][0]
        self.words.setstate(state["chance"][1])
        torch.set_rng_state(state["torch"].cpu())

    def schedule(self, steps: int) -> None:
        """Warm up, then fall with half a cosine to nothing."""
        share = min(1, (self.step + 1) / _WARM_UP)
        share *= (1 + math.cos(math.pi * min(1, self.step / steps))) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * share

    @torch.no_grad()
    def average(self) -> None:
        """Move the averages a little towards the weights: faster at first, when they are poor."""
        weight = 1 - min(_AVERAGE, (1 + self.step) / (10 + self.step))
        for average, tower in zip(self.averages, (self.images, self.texts), strict=True):
            torch._foreach_lerp_(list(average.parameters()), list(tower.parameters()), weight)
            for kept, now in zip(average.buffers(), tower.buffers(), strict=True):
                kept.lerp_(now, weight) if kept.is_floating_point() else kept.copy_(now)


def train_student(
    corpus: Corpus,
    pixels: NDArray[np.uint8],
    features: list[Tensor],
    tokenizer: Tokenizer,
    work: Path,
    *,
    course: Course,
    steps: int,
    seed: int,
    device: torch.device,
) -> None:
    """Train both towers and write the course's file, going on from there if it exists.

    `STUDY` starts from the head's text tower, `POLISH` from what `STUDY` ended in.

    Parameters
    ----------
    pixels
        Shape (n, views, 128, 128, 3), uint8; may be memory-mapped.
    features
        Of each view, shape (n, 1280): unit vectors, centred.
    """
    start = Checkpoint(work / HEAD).load(device) or {}
    head = TeacherHead().to(device).eval()
    head.load_state_dict(start["head"])
    with torch.no_grad():
        goals = [
            torch.cat([head(part.to(device)) for part in view.split(4096)]) for view in features
        ]
    if course is POLISH:
        studied = Checkpoint(work / STUDY.file).load(device) or {}
        images, texts = studied["averages"]
        start = {"images": images, "texts": texts, "scale": studied["scale"]}
    student = Student(corpus, tokenizer.get_vocab_size(), start, course, seed, device)
    checkpoint = Checkpoint(work / course.file)
    if (saved := checkpoint.load(device)) is not None:
        student.restore(saved)
    attributes = corpus.attribute_ids()
    log = Log((work / course.file).with_suffix(".jsonl"), every=50)
    while student.step < steps:
        student.schedule(steps)
        rows = student.rng.permutation(student.rows.mixed(_BATCH))
        views = draw_views(len(rows), student.rng)
        shown = augmented(pixels, rows, views, student.rng).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            pooled = student.images.pooled(shown)
        vectors = functional.normalize(student.images.projection(pooled), dim=-1)
        taught, wished = (
            torch.stack([kept[view][row] for row, view in zip(rows, views, strict=True)]).to(device)
            for kept in (features, goals)
        )
        asking = wording(corpus, attributes, np.tile(rows, _TEXTS), tokenizer, student.words)
        shown_attributes = torch.from_numpy(attributes[rows])
        losses = {
            "contrast": _contrast(student, vectors, shown_attributes, asking),
            "features": distance(student.images.teacher_head(pooled), taught),
            "goals": distance(vectors, wished),
            "relations": relations(vectors, taught),
        }
        loss = (
            losses["contrast"]
            + course.features * losses["features"]
            + course.goals * losses["goals"]
            + course.relations * losses["relations"]
        )
        student.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        student.optimizer.step()
        student.average()
        figures = {name: value.item() for name, value in losses.items()}
        log.add(student.step, steps, {**figures, "scale": student.scale.exp().item()})
        student.step += 1
        if checkpoint.is_due() or student.step == steps:
            checkpoint.save(student.state())


def _contrast(student: Student, vectors: Tensor, attributes: Tensor, asking: Any) -> Tensor:  # noqa: ANN401
    """Tell pictures and texts apart, among this batch and those remembered."""
    with torch.autocast(student.device.type, torch.bfloat16):
        texts = student.texts.by_length(asking.ids.to(student.device))
    texts = texts.float()
    remembered = list(zip(*student.memory, strict=True)) or [(), (), (), ()]
    all_vectors = torch.cat([vectors, *remembered[0]])
    all_attributes = torch.cat([attributes, *remembered[1]])
    all_texts = torch.cat([texts, *remembered[2]])
    all_wanted = torch.cat([asking.wanted, *remembered[3]])
    student.memory.append((vectors.detach(), attributes, texts.detach(), asking.wanted))
    scale = student.scale.exp().clamp(max=60)
    found = contrast(
        scale * texts @ all_vectors.T, asked(asking.wanted, all_attributes).to(student.device)
    )
    named = contrast(
        scale * vectors @ all_texts.T, asked(all_wanted, attributes).T.to(student.device)
    )
    return (found + named) / 2
