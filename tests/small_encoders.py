"""Small text encoders with random weights, saved as transformers saves them."""

from collections.abc import Sequence
from pathlib import Path

import torch

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def small_clip(folder: Path, words: Sequence[str], tokens: int) -> Path:
    """A CLIP of both halves, D = 6, for texts of these words and of so many tokens at most."""
    from transformers import CLIPConfig, CLIPModel

    text = {**_SIZES, "vocab_size": len(SPECIAL) + len(words), "max_position_embeddings": tokens}
    text |= {"projection_dim": 6, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    picture = {**_SIZES, "image_size": 8, "patch_size": 4, "projection_dim": 6}
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(text_config=text, vision_config=picture, projection_dim=6)).save_pretrained(folder)
    return _with_tokenizer(folder, words)


def small_bert(folder: Path, words: Sequence[str], tokens: int) -> Path:
    """A BERT, D = 16."""
    from transformers import BertConfig, BertModel

    vocabulary = len(SPECIAL) + len(words)
    torch.manual_seed(1)
    BertModel(
        BertConfig(vocab_size=vocabulary, max_position_embeddings=tokens, pad_token_id=0, **_SIZES)
    ).save_pretrained(folder)
    return _with_tokenizer(folder, words)


def _with_tokenizer(folder: Path, words: Sequence[str]) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    places = {word: i for i, word in enumerate((*SPECIAL, *words))}
    tokenizer = Tokenizer(models.WordLevel(places, **{"unk_token": SPECIAL[1]}))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {f"{name.lower()}_token": f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP")}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    return folder
