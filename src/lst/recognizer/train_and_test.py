"""Training and testing from Python: what `lst train` and `lst test` do, and what they find as values."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from lst.data.store.clip_store import ClipStore
from lst.evaluation.report import summary_line
from lst.facts.benchmarks import get_benchmark
from lst.facts.choices import choose
from lst.recognizer.recognizer import Recognizer, load
from lst.training.own_recipe import OWN, chosen_texts, own_recipe
from lst.training.recipes import RECIPES, TrainOptions, get_recipe
from lst.training.train import train as train_run
from lst.workflows.measure import measure_run


def open_store(path: str | Path) -> ClipStore:
    """The store in a folder. Its joints stay on disk until they are used.

    >>> lst.open_store("data/mine").clip(0).shape  # persons, frames, joints, coordinates
    (1, 49, 20, 3)

    Raises:
        FileNotFoundError, ValueError: there is none, or it is damaged.
    """
    return ClipStore.open(path)


def train(
    recipe_or_store: str | Path | ClipStore,
    *,
    out: str | Path,
    data: str | Path | ClipStore | None = None,
    texts: str | None = None,
    device: str = "auto",
    progress: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    **overrides: Any,
) -> Recognizer:
    """Train one stream by a recipe, or on a store of one's own, and load it.

    >>> lst.train("demo-joint", out="runs/new", data="data/mine", optim={"epochs": 1}).class_names[:2]
    ('wave right hand', 'wave both hands')

    Args:
        recipe_or_store: a name of `list_recipes()`; or one's own store, for which the recipe follows from its
            size and the texts from its class names, as in `lst train data/mine`.
        out: folder of the run.
        data: with a recipe: store or its folder; data/DATASET if not given.
        texts: with one's own store: names, none, or a file, as `lst train --texts`.
        overrides: fields of the recipe, as `lst train RECIPE --help` lists them; groups are dictionaries.

    Raises:
        ValueError: an unknown recipe or field, or a folder that holds another run.
    """
    options = TrainOptions(device=device, resume=resume, overwrite=overwrite, progress=progress)
    if isinstance(recipe_or_store, str) and recipe_or_store in RECIPES:
        name, config = recipe_or_store, overridden(get_recipe(recipe_or_store), overrides, "")
        store = _opened(data or Path("data") / get_benchmark(config.benchmark).dataset)
    else:
        if isinstance(recipe_or_store, str) and not Path(recipe_or_store).exists():
            get_recipe(recipe_or_store)  # no such name: says which are near
        name, store = OWN, _opened(recipe_or_store)
        config = overridden(own_recipe(store, store.benchmark()), overrides, "")
        if texts is not None:
            chosen = chosen_texts(texts, config, store.benchmark(config.benchmark))
            config = overridden(config, {"text": chosen}, "")
    train_run(name, config, store, Path(out), options)
    return load(out, device)


def _opened(data: str | Path | ClipStore) -> ClipStore:
    return data if isinstance(data, ClipStore) else ClipStore.open(data)


def overridden(values: Any, changes: Mapping[str, Any], group: str) -> Any:
    """A dataclass with other values in some fields; a field that is a dataclass takes a dictionary.

    Raises:
        ValueError: there is no such field; names the nearest.
    """
    known = {field.name: getattr(values, field.name) for field in fields(values)}
    new: dict[str, Any] = {}
    for name, value in changes.items():
        old = choose("option", f"{group}{name}", {f"{group}{key}": own for key, own in known.items()})
        is_group = is_dataclass(old) and isinstance(value, Mapping)
        new[name] = overridden(old, value, f"{group}{name}.") if is_group else value
    return replace(values, **new)


@dataclass(frozen=True, repr=False)
class Report:
    """What a test found."""

    values: dict[str, Any]
    """All of it, as in report.json."""
    folder: Path
    """Where report.json, scores.npz, per_class.csv and the picture lie."""

    @property
    def top1(self) -> float:
        """Share of the clips whose class came first.

        >>> 0 <= report.top1 <= report.top5 <= 1
        True
        """
        return self.values["top1"]

    @property
    def top5(self) -> float:
        """Share of the clips whose class was among the first five."""
        return self.values["top5"]

    @property
    def mean_class_accuracy(self) -> float:
        """Mean over the classes that have clips."""
        return self.values["mean_class_accuracy"]

    @property
    def clips(self) -> int:
        """Number of test clips."""
        return self.values["clips"]

    @property
    def per_class(self) -> list[dict[str, Any]]:
        """One row for each class.

        >>> report.per_class[0]["name"]
        'wave right hand'
        """
        return self.values["per_class"]

    def __repr__(self) -> str:
        return f"Report({self.values['benchmark']}: {summary_line(self.values)}; {self.folder})"


def evaluate(run: str | Path | Recognizer, store: str | Path | ClipStore, device: str = "auto") -> Report:
    """Test a run as `lst test` does, and write the same files into its folder.

    >>> report = lst.evaluate("runs/mine", "data/mine")
    >>> report.clips
    12

    Raises:
        FileNotFoundError, ValueError: no such run or store, or a store of another data set.
    """
    folder = run.folder if isinstance(run, Recognizer) else Path(run)
    measured = measure_run(folder, _opened(store), device)
    return Report(measured.report, measured.folder)
