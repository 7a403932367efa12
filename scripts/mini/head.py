"""First stage: the text tower, against the teacher's features through a small head.

It takes minutes, since the pictures are not looked at again. What the head makes of the teacher's
features is what the image tower is to reach, and its text tower is where the next stage starts.
"""

import math
import random
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from .batches import Rows, wording
from .corpus import Corpus
from .losses import asked, contrast
from .progress import Checkpoint, Log
from .teacher import VIEWS
from .towers import TeacherHead, Texts

HEAD = "head.pt"
_BATCH = 768
_RATE = 1e-3
_SINGLE_SOURCE = 0.7
"""Share of batches of one source: among its like, a picture is harder to tell."""
_WARM_UP = 100


def train_head(
    corpus: Corpus,
    features: list[torch.Tensor],
    tokenizer: Tokenizer,
    work: Path,
    *,
    steps: int,
    seed: int,
    device: torch.device,
) -> None:
    """Train head and text tower and write `head.pt`; nothing is done if it is there.

    Parameters
    ----------
    features
        Of each view, shape (n, 1280): unit vectors, centred.
    """
    if (work / HEAD).exists():
        return
    torch.manual_seed(seed)
    rng, words = np.random.default_rng(seed), random.Random(seed)
    rows_of = Rows(corpus, rng)
    attributes = corpus.attribute_ids()
    texts = Texts(tokenizer.get_vocab_size()).to(device)
    head = TeacherHead().to(device)
    scale = nn.Parameter(torch.tensor(math.log(14.0), device=device))
    parameters = [*texts.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": parameters, "weight_decay": 0.1}, {"params": [scale], "weight_decay": 0.0}],
        lr=_RATE,
        fused=True,
    )
    log = Log(work / "head.jsonl", every=200)
    for step in range(steps):
        rate = _RATE * min(1, (step + 1) / _WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
        for group in optimizer.param_groups:
            group["lr"] = rate
        single = rng.random() < _SINGLE_SOURCE
        rows = rows_of.any_source(_BATCH) if single else rows_of.mixed(_BATCH)
        asking = wording(corpus, attributes, rows, tokenizer, words)
        seen = features[int(rng.integers(VIEWS))][torch.from_numpy(rows)].to(device)
        positives = asked(asking.wanted, torch.from_numpy(attributes[rows])).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            spoken, shown = texts.by_length(asking.ids.to(device)), head(seen)
        logits = scale.exp().clamp(max=60) * spoken.float() @ shown.float().T
        loss = (contrast(logits, positives) + contrast(logits.T, positives.T)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        log.add(step, steps, {"loss": loss.item(), "scale": scale.exp().item()})
    state = {"texts": texts.state_dict(), "head": head.state_dict(), "scale": scale.detach()}
    Checkpoint(work / HEAD).save(state)
