"""LST: Language Supervised Training for skeleton-based action recognition.

>>> import lst
>>> run = lst.load("runs/mine")
>>> run.predict(clip)[0].name
'wave right hand'

Everything below is imported when it is first used, so `import lst` takes no time. docs/api.md has it all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lst.data.store.clip_store import ClipStore
    from lst.data.store.from_arrays import write_store
    from lst.facts.skeleton import Skeleton, get_layout
    from lst.recognizer.catalogue import create_model, list_layouts, list_models, list_recipes
    from lst.recognizer.ensemble import Ensemble, load_ensemble
    from lst.recognizer.prediction import Choice, Evidence, Prediction
    from lst.recognizer.recognizer import Recognizer, load
    from lst.recognizer.train_and_test import Report, evaluate, open_store, train

__version__ = "0.1.0"

__all__ = [
    "Choice",
    "ClipStore",
    "Ensemble",
    "Evidence",
    "Prediction",
    "Recognizer",
    "Report",
    "Skeleton",
    "__version__",
    "create_model",
    "evaluate",
    "get_layout",
    "list_layouts",
    "list_models",
    "list_recipes",
    "load",
    "load_ensemble",
    "open_store",
    "train",
    "write_store",
]

_HOMES = {
    "lst.data.store.clip_store": ("ClipStore",),
    "lst.data.store.from_arrays": ("write_store",),
    "lst.facts.skeleton": ("Skeleton", "get_layout"),
    "lst.recognizer.catalogue": ("create_model", "list_layouts", "list_models", "list_recipes"),
    "lst.recognizer.ensemble": ("Ensemble", "load_ensemble"),
    "lst.recognizer.prediction": ("Choice", "Evidence", "Prediction"),
    "lst.recognizer.recognizer": ("Recognizer", "load"),
    "lst.recognizer.train_and_test": ("Report", "evaluate", "open_store", "train"),
}
"""By name and not by import: the rooms below may import this file, and their imports point one way."""


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'lst' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
