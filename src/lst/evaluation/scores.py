"""Scores of one run (raw logits per clip id), the file they are kept in, and the measures taken from them.

Letters: N clips, K classes. All accuracies are fractions from 0 to 1.

Ties count against the network: a clip is right only where its class scores strictly higher than enough
others. A classifier that gives every class the same score is therefore never right, at any k below K. All
measures here follow this one rule, so `top_k_accuracy(..., 1)` is the trace of `confusion_matrix` over N.
"""

import io
import json
import math
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np

from lst.files.typed_json import decode
from lst.files.whole import atomic_path

FORMAT = "lst-scores"
VERSION = 1
ARRAYS = ("format", "version", "clip_ids", "logits", "labels", "class_names", "info")


@dataclass(frozen=True, eq=False)
class Scores:
    """What one run (or ensemble) says about every clip of one split.

    `info` is plain JSON and says where the scores come from: run, modality, benchmark, split, epoch, ...
    `info["split"]` is what `fit_weights` looks at to keep the test split out.
    Raises ValueError where the parts do not fit together or a logit is not a finite number.
    """

    clip_ids: tuple[str, ...]
    logits_NK: np.ndarray  # float32, raw: no softmax (method.md 13.5)
    labels_N: np.ndarray  # int64, 0-based class index
    class_names: tuple[str, ...]
    info: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels_N)
        if not np.issubdtype(labels.dtype, np.integer):
            raise ValueError(f"labels must be whole numbers, got an array of {labels.dtype}")
        set_field = object.__setattr__  # the class is frozen for everyone else
        set_field(self, "clip_ids", tuple(map(str, self.clip_ids)))
        set_field(self, "class_names", tuple(map(str, self.class_names)))
        set_field(self, "labels_N", labels.astype(np.int64))
        set_field(self, "logits_NK", _as_float32(self.logits_NK))
        set_field(self, "info", dict(self.info))
        self._check()

    def _check(self) -> None:
        N, K = len(self.clip_ids), len(self.class_names)
        if N == 0 or K == 0:
            raise ValueError(f"scores need at least one clip and one class, got {N} clips and {K} classes")
        if self.logits_NK.shape != (N, K):
            raise ValueError(
                f"logits have shape {self.logits_NK.shape}, expected {(N, K)}: clips x class names"
            )
        if self.labels_N.shape != (N,):
            raise ValueError(f"labels have shape {self.labels_N.shape}, expected ({N},): one per clip")
        for what, names in (("clip ids", self.clip_ids), ("class names", self.class_names)):
            if len(set(names)) != len(names):
                twice = Counter(names).most_common(1)[0][0]
                raise ValueError(
                    f"{len(names) - len(set(names))} {what} occur more than once, e.g. {twice!r}"
                )
        self._check_values()

    def _check_values(self) -> None:
        K = len(self.class_names)
        outside = np.flatnonzero((self.labels_N < 0) | (self.labels_N >= K))
        if outside.size:
            row = outside[0]
            raise ValueError(
                f"label {self.labels_N[row]} of clip {self.clip_ids[row]!r} lies outside 0..{K - 1} "
                f"({outside.size} such clips)"
            )
        broken = np.flatnonzero(~np.isfinite(self.logits_NK).all(axis=1))
        if broken.size:
            raise ValueError(
                f"{broken.size} of {len(self.clip_ids)} clips have logits that are not finite numbers, "
                f"e.g. {self.clip_ids[broken[0]]!r}: the network has diverged, or the clip holds such numbers"
            )

    def select(self, rows: np.ndarray | Sequence[int]) -> "Scores":
        """The same scores for some of the clips: row numbers, or one boolean per clip."""
        picked = np.arange(len(self.clip_ids))[np.asarray(rows)]
        ids = tuple(self.clip_ids[row] for row in picked)
        return Scores(ids, self.logits_NK[picked], self.labels_N[picked], self.class_names, self.info)


def _as_float32(logits: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which the check then names
        return np.asarray(logits).astype(np.float32)


# --- the file ---------------------------------------------------------------------------------------------


def save_scores(path: Path, scores: Scores) -> None:
    """Write one `.npz` of plain arrays, no pickle; it appears whole or not at all.

    Raises TypeError or ValueError where `scores.info` cannot be written as JSON.
    """
    info = json.dumps(scores.info, sort_keys=True, allow_nan=False)
    with atomic_path(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            format=np.array(FORMAT),
            version=np.array(VERSION),
            clip_ids=np.array(scores.clip_ids, dtype=np.str_),
            logits=scores.logits_NK,
            labels=scores.labels_N,
            class_names=np.array(scores.class_names, dtype=np.str_),
            info=np.array(info),
        )


def load_scores(path: Path) -> Scores:
    """Read a score file.

    Raises FileNotFoundError if there is none; ValueError if it is damaged, of another program or newer.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such score file. `lst test` writes one into the run folder")
    arrays = _read_arrays(path)
    if missing := [name for name in ARRAYS if name not in arrays]:
        raise ValueError(
            f"{path}: not a score file of lst: {', '.join(missing)} missing, it holds {_few(sorted(arrays))}"
        )
    if str(arrays["format"]) != FORMAT:
        raise ValueError(f"{path}: expected format {FORMAT!r}, got {str(arrays['format'])!r}")
    if str(arrays["version"]) != str(VERSION):
        raise ValueError(
            f"{path}: format version {arrays['version']}, this lst reads version {VERSION}: "
            "update lst, or write the scores again with `lst test`"
        )
    return _scores_of(arrays, path)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    raw = path.read_bytes()
    if not raw.startswith(b"PK"):
        raise ValueError(
            f"{path}: not a score file of lst (an .npz archive). Pickled scores of other programs are not "
            "read: a pickle can run code, and theirs name no clips (Q62). Write them with `lst test`"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if broken := archive.testzip():  # checksums first, so that NumPy never parses damaged bytes
                raise zipfile.BadZipFile(f"checksum of {broken} does not match")
            _check_sizes(archive)
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            return {name: np.asarray(arrays[name]) for name in arrays.files}
    except (
        *(zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, KeyError),
        *(
            OSError,
            RuntimeError,
            NotImplementedError,
            MemoryError,
            TokenError,
        ),  # what damaged archives raise in zipfile
    ) as error:
        raise ValueError(
            f"{path}: the score file is damaged or cut short ({error}). Copy it again, or write it again "
            "with `lst test`"
        ) from error


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Every array has the bytes that its shape says, before NumPy takes memory for it."""
    for entry in archive.infolist():
        if archive.open(entry).read(6) != np.lib.format.MAGIC_PREFIX:
            continue  # no array; what is missing is told later
        with archive.open(entry) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else _header_2
            shape, _, dtype = read(file)
            if dtype.hasobject or math.prod(shape) * dtype.itemsize != entry.file_size - file.tell():
                raise ValueError(f"{entry.filename} says it is {dtype} {shape}, which its size is not")


def _header_2(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    return np.lib.format.read_array_header_2_0(file)


def _scores_of(arrays: Mapping[str, np.ndarray], path: Path) -> Scores:
    try:
        info = decode(str(arrays["info"]), "info", "Write the scores again with `lst test`.")
        if not isinstance(info, dict):
            raise ValueError(f"`info` must be a JSON object, got {type(info).__name__}")
        ids, names = (tuple(arrays[key].ravel().tolist()) for key in ("clip_ids", "class_names"))
        return Scores(ids, arrays["logits"], arrays["labels"], names, info)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


# --- the measures -----------------------------------------------------------------------------------------


def top_k_accuracy(logits_NK: np.ndarray, labels_N: np.ndarray, k: int) -> float:
    """Share of clips (each counts the same: micro) whose class is among the k highest scores.

    A class that ties with the clip's own counts as higher, and so does a score that is not a number.
    With k of K or more every clip is right. Raises ValueError for k below 1 or no clips.
    """
    if k < 1:
        raise ValueError(f"top-k accuracy needs k of at least 1, got {k}")
    logits, own = _comparable(logits_NK, labels_N)
    as_high = (logits >= logits[own][:, None]).sum(axis=1) - 1  # the clip's own class is not a rival
    return float(np.mean(as_high < k))


def predicted_classes(logits_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """(N,) int64 index of the highest score; where the clip's own class only ties, the other class wins."""
    logits, own = _comparable(logits_NK, labels_N)
    rivals = (logits == logits.max(axis=1, keepdims=True)) & ~own
    return np.where(rivals.any(axis=1), rivals.argmax(axis=1), own.argmax(axis=1))


def confusion_matrix(logits_NK: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """(K, K) int64 numbers of clips: row = class of the clip, column = class the network gave."""
    predicted = predicted_classes(logits_NK, labels_N)
    K = np.shape(logits_NK)[1]
    return np.bincount(np.asarray(labels_N) * K + predicted, minlength=K * K).reshape(K, K).astype(np.int64)


def mean_class_accuracy(logits_NK: np.ndarray, labels_N: np.ndarray) -> float:
    """Mean over classes of the share of right clips (macro); classes without a clip are left out."""
    matrix = confusion_matrix(logits_NK, labels_N)
    clips = matrix.sum(axis=1)
    present = clips > 0
    return float(np.mean(matrix.diagonal()[present] / clips[present]))


@dataclass(frozen=True)
class ClassRow:
    """How the clips of one class fared. `accuracy` is None for a class without clips."""

    name: str
    clips: int
    correct: int
    accuracy: float | None
    confused_with: str | None  # the wrong class most often given (the first of equals); None without errors
    confused_clips: int


def per_class(matrix_KK: np.ndarray, class_names: Sequence[str]) -> list[ClassRow]:
    """One row for each class of a confusion matrix, in class order."""
    if np.shape(matrix_KK) != (len(class_names), len(class_names)):
        raise ValueError(
            f"confusion matrix of shape {np.shape(matrix_KK)} for {len(class_names)} class names"
        )
    return [_class_row(k, np.asarray(matrix_KK), class_names) for k in range(len(class_names))]


def _class_row(k: int, matrix_KK: np.ndarray, class_names: Sequence[str]) -> ClassRow:
    clips, correct = int(matrix_KK[k].sum()), int(matrix_KK[k, k])
    wrong = matrix_KK[k].copy()
    wrong[k] = 0
    worst = int(wrong.argmax())
    return ClassRow(
        name=class_names[k],
        clips=clips,
        correct=correct,
        accuracy=correct / clips if clips else None,
        confused_with=class_names[worst] if wrong[worst] else None,
        confused_clips=int(wrong[worst]),
    )


def _comparable(logits_NK: np.ndarray, labels_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits without NaN, and a mask (N, K) of each clip's own class.

    A score that is not a number must never help: it is the highest of all, or the lowest for the own class.
    """
    logits, labels = np.asarray(logits_NK), np.asarray(labels_N)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or logits.shape[0] == 0:
        raise ValueError(
            f"expected logits (N, K) and labels (N,) with N of at least 1, got {logits.shape}, {labels.shape}"
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be whole numbers, got an array of {labels.dtype}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels {labels.min()}..{labels.max()} lie outside 0..{logits.shape[1] - 1}")
    own = np.arange(logits.shape[1]) == labels[:, None]
    return np.where(np.isnan(logits), np.where(own, -np.inf, np.inf), logits), own
