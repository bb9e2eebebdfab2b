"""The folder of one run: what is in it, when it may be started, and the state that resuming needs.

recipe.json          the resolved recipe, written before the first step
state.pt             everything resuming needs, replaced after every epoch (no code, tensors and numbers)
log.jsonl            one line per epoch
training.png         the same as a picture
language.safetensors, texts.safetensors    what compares clips with texts; in runs trained with text
model.safetensors, card.json    the checkpoint of the last epoch; written once, at the end
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from lst.files.locks import INSIDE
from lst.files.typed_json import sealed
from lst.files.whole import atomic_path, clear_leftovers, is_unfinished, remove_folder, write_text
from lst.nets.checkpoint import CARD
from lst.training.recipes import RunConfig, TrainOptions, as_json, changed_fields
from lst.training.run_files import LOG, RECIPE, read_recipe_file, write_recipe
from lst.training.run_state import read_state

STATE, PICTURE = "state.pt", "training.png"


@dataclass(frozen=True)
class Started:
    """What the folder of a run says on how it was started."""

    name: str
    config: RunConfig
    how: Mapping[str, Any]
    """Where the store was and what of `TrainOptions` it had; empty in runs of an older lst."""

    @property
    def data(self) -> Path | None:
        """The store, if it is still there."""
        folder = Path(str(self.how.get("data", "")))
        return folder if self.how.get("data") and folder.is_dir() else None

    def options(self, *, device: str | None, progress: bool) -> TrainOptions:
        """To go on as it was started, perhaps elsewhere."""
        known = {key: self.how[key] for key in ("test_every", "compile", "place") if key in self.how}
        where = device or str(self.how.get("device", "auto"))
        return TrainOptions(device=where, resume=True, progress=progress, **known)


def read_recipe(run: Path) -> Started:
    """What `run` was started with.

    Raises:
        ValueError: its recipe cannot be read, or is of an older lst.
    """
    recipe = read_recipe_file(run)
    if recipe.unknown:
        raise ValueError(
            f"{run / RECIPE}: is of another lst, which had {', '.join(recipe.unknown)}. Give the recipe and "
            f"its options again: lst train RECIPE --out {run} --resume"
        )
    return Started(recipe.name, recipe.config, dict(recipe.values.get("how", {})))


@dataclass(frozen=True)
class RunFolder:
    """Paths and rules of one run."""

    path: Path

    @property
    def finished(self) -> bool:
        return (self.path / CARD).is_file()

    @property
    def started(self) -> bool:
        return (self.path / RECIPE).is_file()

    def prepare(
        self,
        name: str,
        config: RunConfig,
        inputs: Mapping[str, Any],
        *,
        resume: bool,
        overwrite: bool,
        how: Mapping[str, Any] | None = None,
    ) -> None:
        """Make the folder ready for this recipe and these inputs (what else decides what is computed).

        Call it with the folder locked. `how`: what `lst train --resume RUN` needs to know beside the recipe.

        Raises ValueError when there is a run already and neither resume nor overwrite was asked for, when the
        run to resume had another recipe or other inputs, or when the folder holds something else.
        """
        clear_leftovers(self.path)
        if self.started and overwrite:
            remove_folder(self.path)
        if self.started:
            if not resume:
                raise ValueError(
                    f"{self.path}: holds a run already. Continue it with --resume, replace it with "
                    "--overwrite, or choose another folder with --out."
                )
            return self._check_same(config, inputs)
        if self.path.exists() and (not self.path.is_dir() or self._foreign_entries()):
            raise ValueError(
                f"{self.path}: exists and is not a run of lst. Choose another folder with --out."
            )
        recipe = {"name": name, "config": asdict(config), "inputs": dict(inputs)}
        write_recipe(self.path, as_json(recipe | ({"how": dict(how)} if how else {})))

    def _foreign_entries(self) -> bool:
        """Whether there is more than what a run killed at its very start leaves behind."""
        return any(not is_unfinished(entry) and entry.name != INSIDE for entry in self.path.iterdir())

    def _check_same(self, config: RunConfig, inputs: Mapping[str, Any]) -> None:
        started = read_recipe_file(self.path).values
        before, now = _flat(started.get("inputs", {})), _flat(as_json(inputs))
        if self.finished:  # nothing will be computed any more, so this device's precision does not matter
            now["precision"] = before.get("precision")
        changed = changed_fields(started["config"], config)
        changed += [
            f"{key}: {before.get(key)} -> {now.get(key)}"
            for key in sorted(before | now)
            if before.get(key) != now.get(key)
        ]
        if changed:
            raise ValueError(
                f"{self.path}: cannot be resumed with another recipe, data or text than {RECIPE} says "
                f"({', '.join(changed)}). "
                "Give the same options as at its start, or choose another folder with --out."
            )

    def save_state(self, state: Mapping[str, Any]) -> None:
        with atomic_path(self.path / STATE, needed=_num_bytes(state)) as path:
            torch.save(dict(state), path)

    def load_state(self) -> dict[str, Any] | None:
        """The state, on the CPU, after the last finished epoch, or None when none was finished."""
        path = self.path / STATE
        if not path.is_file():
            return None
        return read_state(path)

    def write_log(self, rows: list[dict[str, Any]]) -> None:
        """The whole log anew: after a kill it never has lines that the resumed run will write again."""
        write_text(self.path / LOG, "".join(json.dumps(sealed(row)) + "\n" for row in rows))


def _num_bytes(value: Any) -> int:
    """Bytes of all tensors in it."""
    if isinstance(value, torch.Tensor):
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(_num_bytes(item) for item in value.values())
    return sum(_num_bytes(item) for item in value) if isinstance(value, list) else 0


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
