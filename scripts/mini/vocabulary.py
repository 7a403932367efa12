"""The tokenizer: byte-pair encoding (Sennrich et al., 2016) learned from the training texts."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

from .corpus import Corpus

CONTEXT = 32
"""Most tokens of a text: of the captions, one in a thousand is longer."""
_SIZE = 8000
_PHRASES = 3


def learn_tokens(corpus: Corpus, path: Path) -> Tokenizer:
    """Read the tokenizer at `path`, or learn it and write it there.

    Learned twice, it has the same pieces under other numbers: the library lets chance decide
    between pieces that are equally frequent.
    """
    if not path.exists():
        tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>"))
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFKD(), normalizers.Lowercase(), normalizers.StripAccents()]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.BpeTrainer(
            vocab_size=_SIZE,
            special_tokens=["[PAD]", "[UNK]"],
            end_of_word_suffix="</w>",
            min_frequency=2,
            show_progress=False,
        )
        tokenizer.train_from_iterator(_texts(corpus), trainer)
        tokenizer.save(str(path))
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_padding(pad_id=0)
    tokenizer.enable_truncation(CONTEXT)
    return tokenizer


def _texts(corpus: Corpus) -> Iterator[str]:
    rng = random.Random(0)
    for example in corpus.examples:
        yield from example.texts
        if example.attributes is not None:
            yield from (example.phrase(rng).text for _ in range(_PHRASES))


def tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Return ids, shape (len(texts), longest), int64, padded with 0."""
    return torch.tensor([encoding.ids for encoding in tokenizer.encode_batch(list(texts))])
