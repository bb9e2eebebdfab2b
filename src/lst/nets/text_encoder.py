"""A text encoder as a module: CLIP text towers and BERT-like encoders of the transformers library.

transformers is imported inside functions. Of it only from_pretrained, the tokenizer call and the fields
text_embeds and last_hidden_state are used: its releases change the rest.

Letters: T texts, L tokens of the longest text, D embedding width.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lst.files.whole import new_folder
from lst.nets.text_encoder_folder import (
    EncoderFolder,
    Length,
    Pooling,
    find_encoder,
    missing_package,
    write_kind,
)
from lst.text.embed import SentenceEncoder

ROBERTA_LIKE = ("camembert", "mpnet", "roberta", "xlm-roberta")  # their positions start after that of padding
TEXTS_AT_ONCE = 64


class TextEncoder(nn.Module):
    """Texts -> one vector each. `tokenize` then `forward`; the latter can be differentiated.

    Vectors are as the encoder's authors mean them: of length 1 only where their files say so.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        *,
        pooling: Pooling,
        length: Length,
        width: int,
        max_tokens: int,
        info: Mapping[str, str],
    ) -> None:
        super().__init__()
        self.model, self.tokenizer = model, tokenizer
        self.pooling: Pooling = pooling
        self.length: Length = length
        self.width, self.max_tokens = width, max_tokens
        self.info = dict(info)
        """What the encoder is: encoder, package, version, weights_sha256 and, from the hub, revision."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, with the special ones at its ends."""
        return [len(ids) for ids in self.tokenizer(list(texts), verbose=False)["input_ids"]]

    def tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Token arrays (T, L) on the encoder's device, padded on the right; nothing is ever cut off.

        Raises:
            ValueError: a text is longer than the encoder reads (Q24).
        """
        for text, count in zip(texts, self.count_tokens(texts), strict=True):
            if count > self.max_tokens:
                raise ValueError(
                    f"{self.info['encoder']} reads {self.max_tokens} tokens, this text has {count}: {text!r}"
                )
        tokens = self.tokenizer(list(texts), padding=True, padding_side="right", return_tensors="pt")
        device = next(self.model.parameters()).device
        return {name: array_TL.to(device) for name, array_TL in tokens.items()}

    def forward(self, tokens: Mapping[str, Tensor]) -> Tensor:
        """What `tokenize` gave -> (T, D)."""
        vectors_TD = _pool(self.model(**tokens), tokens["attention_mask"], self.pooling)
        return F.normalize(vectors_TD) if self.length == "unit" else vectors_TD


def load_text_encoder(name: str, device: torch.device | str = "cpu") -> TextEncoder:
    """The encoder in a local folder or with this id on the Hugging Face hub, in float32 and eval mode.

    HF_HUB_OFFLINE=1 keeps transformers and the hub's library from the network. No code of a model is run.

    Raises:
        FileNotFoundError, ValueError: as `find_encoder`; files that are missing, damaged or do not fit each
            other; transformers is not installed.
    """
    folder = find_encoder(name)
    model, tokenizer = _from_pretrained(folder)
    info = {
        "encoder": folder.name,
        "package": "transformers",
        "version": version("transformers"),
        "weights_sha256": folder.weights_sha256(),
        "pooling": folder.pooling,
        "length": folder.length,
    }
    projected = folder.pooling == "projection"
    encoder = TextEncoder(
        model,
        tokenizer,
        pooling=folder.pooling,
        length=folder.length,
        width=model.config.projection_dim if projected else model.config.hidden_size,
        max_tokens=_token_limit(folder, model.config, tokenizer),
        info=info if folder.revision is None else {**info, "revision": folder.revision},
    )
    return encoder.to(device).eval()


def save_text_encoder(encoder: TextEncoder, folder: Path) -> None:
    """A folder that `load_text_encoder` reads, with the weights as they are now; replaces such a folder.

    Raises:
        ValueError: the folder holds something else.
    """
    is_encoder = (folder / "config.json").is_file()
    own = frozenset(path.name for path in folder.iterdir()) if is_encoder else frozenset()
    model: Any = encoder.model
    with new_folder(folder, overwrite=True, own_files=own) as temporary, _quiet():
        model.save_pretrained(temporary)
        encoder.tokenizer.save_pretrained(temporary)
        write_kind(temporary, encoder.pooling, encoder.length, encoder.max_tokens)


def sentence_encoder(encoder: TextEncoder) -> SentenceEncoder:
    """The encoder as `embed_file` wants it: frozen, NumPy out."""

    @torch.inference_mode()
    def encode(texts: list[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda t: len(texts[t]))  # like lengths together: less padding
        vectors_TD = np.empty((len(texts), encoder.width), dtype=np.float32)
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = order[start : start + TEXTS_AT_ONCE]
            vectors_TD[some] = encoder(encoder.tokenize([texts[t] for t in some])).float().cpu().numpy()
        return vectors_TD

    return SentenceEncoder(
        encode, encoder.info, count_tokens=encoder.count_tokens, max_tokens=encoder.max_tokens
    )


def _pool(outputs: Any, mask_TL: Tensor, pooling: Pooling) -> Tensor:
    if pooling == "projection":
        return outputs.text_embeds
    states_TLD = outputs.last_hidden_state
    if pooling == "cls":
        return states_TLD[:, 0]
    is_text_TL1 = mask_TL[..., None].bool()
    if pooling == "max":
        return states_TLD.masked_fill(~is_text_TL1, -torch.inf).amax(dim=1)
    return states_TLD.masked_fill(~is_text_TL1, 0).sum(dim=1) / is_text_TL1.sum(dim=1)


def _from_pretrained(folder: EncoderFolder) -> tuple[Any, Any]:
    """Model and tokenizer; every weight comes from the files."""
    try:
        from transformers import AutoModel, AutoTokenizer, CLIPTextModelWithProjection
    except ModuleNotFoundError as error:
        raise ValueError(missing_package(error)) from error
    kind: Any = CLIPTextModelWithProjection if folder.pooling == "projection" else AutoModel
    how = {"trust_remote_code": False, "local_files_only": True}
    checked = {"output_loading_info": True, "ignore_mismatched_sizes": True}  # so that we can say it in words
    try:
        # A pooler that the files lack would otherwise get random weights, others in every run.
        with _quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            tokenizer = AutoTokenizer.from_pretrained(folder.path, **how)
            model, loading = kind.from_pretrained(folder.path, dtype=torch.float32, **checked, **how)
    except (
        Exception
    ) as error:  # transformers raises many kinds for files that are missing, damaged or foreign
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"text encoder {folder.name!r} cannot be loaded from {folder.path} ({type(error).__name__}: "
            f"{reason}). Give a local folder with the model's files (config.json, tokenizer, "
            "model.safetensors), or download it again."
        ) from error
    # A pooler on top of last_hidden_state is not used here, and many encoders come without one.
    absent = [*loading["missing_keys"], *(key for key, *_ in loading["mismatched_keys"])]
    if absent := sorted(key for key in absent if "pooler" not in key):
        raise ValueError(
            f"{folder.path}: {len(absent)} weights are missing or of another shape, such as {absent[0]}; "
            "they would be random. Is this another kind of model than its config.json says?"
        )
    return model, tokenizer


def _token_limit(folder: EncoderFolder, config: Any, tokenizer: Any) -> int:
    """The smallest of what tokenizer, model and sentence-transformers say."""
    positions = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    if folder.model_type in ROBERTA_LIKE:
        positions -= config.pad_token_id + 1
    return min(positions, tokenizer.model_max_length, folder.max_tokens or positions)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars and tables of transformers, such as that on CLIP's picture half, which is left out."""
    from transformers.utils import logging as messages

    level, bars = messages.get_verbosity(), messages.is_progress_bar_enabled()
    messages.set_verbosity(logging.ERROR)
    messages.disable_progress_bar()
    try:
        yield
    finally:
        messages.set_verbosity(level)
        if bars:
            messages.enable_progress_bar()
