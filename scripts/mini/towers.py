"""The two towers in PyTorch, as they are trained; `export` turns them into ONNX graphs."""

import torch
from torch import Tensor, nn
from torch.nn import functional

DIM = 256
"""Components of a vector."""
SIDE = 96
"""Height and width of the pictures that the image tower reads."""
TEACHER_DIM = 1280
_WIDTHS = (48, 96, 256)
_DEPTHS = (1, 2, 2)
PATCH = 4
_POOLED = 768
_MEAN = (123.7, 116.3, 103.5)
_STD = (58.4, 57.1, 57.4)


def _conv(before: int, after: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(after)
    )


class Block(nn.Module):
    """Two 3 x 3 convolutions about a shortcut (He et al., 2016), averaged where it shrinks."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(before, after, 3, stride)
        self.second = _conv(after, after)
        nn.init.zeros_(self.second[1].weight)
        pool = [nn.AvgPool2d(2)] if stride > 1 else []
        same = stride == 1 and before == after
        self.shortcut = nn.Identity() if same else nn.Sequential(*pool, _conv(before, after, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, before, h, w) to (n, after, h / stride, w / stride)."""
        inner = self.second(functional.relu(self.first(x), inplace=True))
        return functional.relu(inner + self.shortcut(x), inplace=True)


class Images(nn.Module):
    """Pictures to vectors: 4 x 4 patches, then a ResNet of plain 3 x 3 convolutions.

    Patches take the place of a stem at full size, which would cost as much as all the rest: none of
    a picture's information is lost, since 48 numbers of a patch become as many channels.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_conv(3 * PATCH**2, _WIDTHS[0]), nn.ReLU(inplace=True)]
        before = _WIDTHS[0]
        for width, depth in zip(_WIDTHS, _DEPTHS, strict=True):
            for n in range(depth):
                layers.append(Block(before, width, 2 if n == 0 and width != _WIDTHS[0] else 1))
                before = width
        layers += [_conv(before, _POOLED, 1), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers)
        self.projection = nn.Linear(_POOLED, DIM)
        self.teacher_head = nn.Linear(_POOLED, TEACHER_DIM)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1))

    def pooled(self, pixels: Tensor) -> Tensor:
        """Map (n, 3, 96, 96), 0..255, to (n, 768)."""
        patches = functional.pixel_unshuffle((pixels - self.mean) / self.std, PATCH)
        maps = self.body(patches.contiguous(memory_format=torch.channels_last))
        return maps.float().mean((2, 3))

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (n, 3, 96, 96), 0..255, to unit vectors (n, 256)."""
        return functional.normalize(self.projection(self.pooled(pixels)), dim=-1)


class Texts(nn.Module):
    """Token ids to vectors: embeddings, one convolution over neighbours, attention pooling.

    A bag of words with a little order: enough for "striped dress", not for who bites whom. On so
    few captions it learns faster than a transformer.
    """

    WIDTH = 192

    def __init__(self, vocabulary: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, self.WIDTH, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.05)
        with torch.no_grad():
            self.embedding.weight[0] = 0
        self.neighbours = nn.Linear(3 * self.WIDTH, self.WIDTH)
        nn.init.zeros_(self.neighbours.weight)
        nn.init.zeros_(self.neighbours.bias)
        self.attention = nn.Linear(self.WIDTH, 1)
        self.projection = nn.Linear(self.WIDTH, DIM)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        """Map (n, length), padded with 0, to unit vectors (n, 256)."""
        words = self.dropout(self.embedding(ids))
        around = functional.pad(words, (0, 0, 1, 1))
        around = torch.cat([around[:, :-2], words, around[:, 2:]], dim=2)
        words = words + torch.tanh(self.neighbours(around))
        weights = self.attention(words).float().squeeze(-1).masked_fill(ids == 0, -1e4).softmax(-1)
        pooled = (weights.unsqueeze(-1) * words).sum(1)
        return functional.normalize(self.projection(pooled).float(), dim=-1)

    def by_length(self, ids: Tensor, chunks: int = 4) -> Tensor:
        """Do as `forward`, short texts apart from long ones, which leaves little to pad."""
        lengths = (ids != 0).sum(1)
        order = lengths.argsort()
        parts = [self(ids[rows, : int(lengths[rows].max())]) for rows in order.chunk(chunks)]
        return torch.cat(parts)[order.argsort()]


class TeacherHead(nn.Module):
    """The teacher's features into the joint space: what the image tower is to reach."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(0.3),
            nn.Linear(TEACHER_DIM, 768),
            nn.GELU(),
            nn.Dropout(0.3),
            nn.Linear(768, DIM),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map unit features (n, 1280), centred, to unit vectors (n, 256)."""
        # Unit vectors of 1280 have components of 0.03: brought to where layers start out well.
        return functional.normalize(self.layers(features * 8).float(), dim=-1)
