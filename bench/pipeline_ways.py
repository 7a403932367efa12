"""The ways that `pipeline.py` compares: pictures on disk or behind URLs into vectors."""

import json
import tempfile
from collections.abc import Sequence
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import polars as pl
from encode_peers import with_float_input
from PIL import Image
from sightline.encode.base import ImageTower
from sightline.pictures import Looks, see_pictures
from sightline.store.home import Home
from sightline.types import Vectors
from sightline_models.pack import VisualTower

__all__ = ["EncoderOnly", "FastEmbed", "Ours", "TorchvisionLoop", "installed", "peer_folder"]

_WORKERS = 2
_BATCH = 64
_RESAMPLE = {"bilinear": 2, "bicubic": 3}


class Ours:
    """The bulk path, with a home that has seen no picture yet."""

    def __init__(self, tower: ImageTower) -> None:
        self._tower = tower
        self.pipeline: dict[str, Any] = {}
        """What each stage took in the last call."""

    def vectors(self, cells: Sequence[str], *, allow_hosts: Sequence[str] = ()) -> Vectors:
        """Return the vectors of paths or URLs."""
        with tempfile.TemporaryDirectory(prefix="sightline-bench-") as home:
            looks = self._looks(cells, Path(home), allow_hosts)
        if not looks.presence.all():
            message = f"pictures are missing: {looks.outcomes['outcome'].value_counts()}"
            raise RuntimeError(message)
        self.pipeline = dict(looks.pipeline)
        return looks.vectors

    def _looks(self, cells: Sequence[str], home: Path, allow_hosts: Sequence[str]) -> Looks:
        return see_pictures(
            pl.DataFrame({"image": cells}),
            ["image"],
            self._tower,
            home=Home(home),
            base_dir=Path.cwd(),
            allow_hosts=allow_hosts,
            progress=lambda *_: None,
        )


class EncoderOnly:
    """The tower alone, on pictures that are prepared already, in batches as of the bulk path."""

    def __init__(self, tower: ImageTower) -> None:
        self._tower = tower
        batch = tower.format.empty(_BATCH, tower.view.side)
        noise = np.random.default_rng(5).integers(0, 256, batch.shape)
        batch[:] = noise if batch.dtype == np.uint8 else noise / 128 - 1
        self._batch = batch

    def encode(self, count: int) -> None:
        """Encode so many pictures."""
        for start in range(0, count, _BATCH):
            self._tower.encode_prepared(self._batch[: count - start])


class FastEmbed:
    """fastembed's ImageEmbedding on the very graph of our pack, given paths."""

    def __init__(self, folder: Path, *, parallel: int | None = None) -> None:
        from fastembed import ImageEmbedding

        self._parallel = parallel
        self._model = ImageEmbedding(
            "Qdrant/clip-ViT-B-32-vision",
            specific_model_path=str(folder),
            providers=["CPUExecutionProvider"],
        )

    def vectors(self, paths: Sequence[str]) -> Vectors:
        """Return the vectors, made with fastembed's own batch size."""
        return np.stack(list(self._model.embed(list(paths), parallel=self._parallel)))


class TorchvisionLoop:
    """The loop that people write: a DataLoader of two processes, transforms, ONNX Runtime."""

    def __init__(self, folder: Path, tower: VisualTower) -> None:
        self._tower = tower
        self._session = ort.InferenceSession(
            folder / "model.onnx", providers=["CPUExecutionProvider"]
        )

    def vectors(self, paths: Sequence[str]) -> Vectors:
        """Return the vectors."""
        data: Any = import_module("torch.utils.data")
        loader = data.DataLoader(
            _Prepared(paths, self._tower), batch_size=_BATCH, num_workers=_WORKERS
        )
        outputs = [self._session.run(None, {"pixel_values": batch.numpy()})[0] for batch in loader]
        vectors: Vectors = np.concatenate(outputs)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


class _Prepared:
    """Pictures as torchvision's transforms prepare them, one at a time."""

    def __init__(self, paths: Sequence[str], tower: VisualTower) -> None:
        transforms: Any = import_module("torchvision.transforms")
        mode = transforms.InterpolationMode(tower.resample)
        is_cropped = tower.fit == "crop"
        size = tower.side if is_cropped else (tower.side, tower.side)
        self._paths = paths
        self._prepare = transforms.Compose(
            [
                transforms.Resize(size, interpolation=mode),
                *([transforms.CenterCrop(tower.side)] if is_cropped else []),
                transforms.ToTensor(),
                transforms.Normalize(tower.mean, tower.std),
            ]
        )

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, place: int) -> Any:  # noqa: ANN401 - a tensor
        return self._prepare(Image.open(self._paths[place]).convert("RGB"))


def installed(*names: str) -> bool:
    """Whether all of these can be imported."""
    return all(util.find_spec(name) is not None for name in names)


def peer_folder(pack: Path, tower: VisualTower, folder: Path) -> Path:
    """Write the graph of a pack as fastembed and others feed it, with what they must know of it."""
    folder.mkdir()
    size: dict[str, int] = {"height": tower.side, "width": tower.side}
    settings = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": tower.side} if tower.fit == "crop" else size,
        "resample": _RESAMPLE[tower.resample],
        "do_center_crop": tower.fit == "crop",
        "crop_size": size,
        "do_rescale": True,
        "do_normalize": True,
        "image_mean": list(tower.mean),
        "image_std": list(tower.std),
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), "utf-8")
    visual = pack / Path(tower.file).parent
    with_float_input(visual, folder, list(tower.mean), list(tower.std), side=tower.side)
    return folder
