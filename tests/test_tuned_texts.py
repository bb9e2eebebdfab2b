"""The text encoder trained along: same gradients as text by text, own rate, freezing, saved and resumed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lst.data.store.clip_store import ClipStore
from lst.nets.checkpoint import load_checkpoint
from lst.nets.language import TEXT_ENCODER, load_language
from lst.nets.text_encoder import TextEncoder, load_text_encoder, save_text_encoder, sentence_encoder
from lst.nets.text_picks import TextPicks
from lst.nets.tuned_texts import TunedTexts
from lst.text.descriptions import default_descriptions
from lst.text.vectors import load_vectors
from lst.training.recipes import get_recipe
from lst.training.text_config import TextConfig
from lst.training.training_run import TrainingRun
from lst.workflows.new_texts import encode_like
from short_runs import log_of, model_bytes, run, stop_after, tiny, without_clock
from small_encoders import small_bert, small_clip

pytestmark = pytest.mark.usefixtures("one_thread", "quick")

TEXTS = (
    "wave",
    "wave with one hand",
    "clap",
    "clap both hands, in front",
    "nod",
    "nod the head slowly twice",
)
INDEX_PKS = torch.tensor([[[0, 1], [2, -1], [4, 5]], [[1, -1], [3, -1], [5, -1]]])  # 2 heads, 3 classes


def shipped_words() -> list[str]:
    """Texts whose words the small encoders know, punctuation apart."""
    texts = [
        text for action in default_descriptions("synthetic") for text in (action.sentence, *action.synonyms)
    ]
    return [text.replace(",", " ").replace(".", " ").replace("-", " ") for text in (*TEXTS, *texts)]


@pytest.fixture(scope="module", params=[small_clip, small_bert], ids=["clip", "bert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = sorted({word for text in shipped_words() for word in text.split()})
    return request.param(tmp_path_factory.mktemp("encoder"), words, 80)


@pytest.fixture
def encoder(folder: Path) -> TextEncoder:
    return load_text_encoder(str(folder))


def batch() -> tuple[Tensor, Tensor]:
    """16 clips of three classes and their draws."""
    generator = torch.Generator().manual_seed(3)
    return torch.randint(3, (16,), generator=generator), torch.rand(16, generator=generator)


# --- one batch ---


def test_the_same_vectors_and_gradients_as_text_by_text(encoder: TextEncoder):
    """The naive form encodes one text for every head and clip, all padded to the longest."""
    labels, draws = batch()
    tuned = TunedTexts(encoder, TEXTS, INDEX_PKS).train()
    push = torch.randn(2, 16, encoder.width, generator=torch.Generator().manual_seed(4))
    got_PND = tuned(labels, draws)
    (got_PND * push).sum().backward()
    gradients = {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}
    encoder.zero_grad()
    rows_PN = TextPicks(INDEX_PKS)(labels, draws)
    naive = [encoder(encoder.tokenize([TEXTS[row] for row in rows])) for rows in rows_PN.tolist()]
    (torch.stack(naive) * push).sum().backward()
    torch.testing.assert_close(got_PND, torch.stack(naive), rtol=1e-5, atol=1e-5)
    assert gradients
    for name, parameter in encoder.named_parameters():
        if parameter.grad is not None:
            # 32 float32 terms of size 1 in another order: 2.5e-5 was seen on a processor without AVX-512.
            torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-5, atol=1e-4, msg=name)


def test_each_text_of_a_batch_is_encoded_once(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lst.nets.tuned_texts.TEXTS_AT_ONCE", 2)
    tuned = TunedTexts(encoder, TEXTS, INDEX_PKS)
    seen: list[tuple[int, int]] = []
    encoder.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0]["input_ids"].shape)))
    labels = torch.tensor([0, 0, 1, 1])
    tuned(labels, torch.tensor([0.0, 0.9, 0.1, 0.2]))  # texts 0 and 1, 2; for the parts 1 and 3
    assert sum(texts for texts, _ in seen) == 4
    lengths = sorted(encoder.count_tokens([TEXTS[i] for i in (0, 1, 2, 3)]))
    assert [length for _, length in seen] == [lengths[1], lengths[3]]  # no wider than its longest


def test_without_a_step_it_is_the_frozen_bank(encoder: TextEncoder):
    labels, draws = batch()
    tuned = TunedTexts(encoder, TEXTS, INDEX_PKS)
    frozen = torch.from_numpy(sentence_encoder(encoder).encode(list(TEXTS)))
    torch.testing.assert_close(tuned(labels, draws), frozen[TextPicks(INDEX_PKS)(labels, draws)])
    torch.testing.assert_close(tuned.all_vectors(), frozen)


def test_frozen_it_answers_as_before_and_has_no_gradient(encoder: TextEncoder):
    labels, draws = batch()
    tuned = TunedTexts(encoder, TEXTS, INDEX_PKS).train()
    before = tuned(labels, draws).detach()
    tuned.freeze()
    after = tuned(labels, draws)
    torch.testing.assert_close(after, before)
    assert not after.requires_grad


def test_dropout_stays_off(folder: Path):
    encoder = load_text_encoder(str(folder))
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.5
    tuned = TunedTexts(encoder, TEXTS, INDEX_PKS).train()
    labels, draws = batch()
    assert torch.equal(tuned(labels, draws), tuned(labels, draws))


def test_saved_and_loaded_it_gives_the_same_vectors(encoder: TextEncoder, tmp_path: Path):
    with torch.no_grad():
        next(encoder.model.parameters()).add_(0.1)
    for _ in range(2):  # a second time it replaces the first
        save_text_encoder(encoder, tmp_path / "saved")
    loaded = load_text_encoder(str(tmp_path / "saved"))
    expected = sentence_encoder(encoder).encode(list(TEXTS))
    assert (sentence_encoder(loaded).encode(list(TEXTS)) == expected).all()
    assert (loaded.pooling, loaded.length, loaded.max_tokens) == (
        encoder.pooling,
        encoder.length,
        encoder.max_tokens,
    )


# --- a run ---


def tuned_config(folder: Path, epochs: int = 3, **text: Any) -> Any:
    return tiny(epochs, text=TextConfig(encoder=str(folder), tune=True, **text))


def test_a_run_keeps_its_encoder_and_its_last_vectors(folder: Path, tiny_store: ClipStore, tmp_path: Path):
    out = tmp_path / "run"
    card = run(tiny_store, out, tuned_config(folder, tune_rate=0.5))
    assert card["text"]["encoder"] == str(folder)
    language = load_language(load_checkpoint(out))
    assert language.own_encoder == out / TEXT_ENCODER
    assert language.texts.meta["tuned"] is True
    again = sentence_encoder(load_text_encoder(str(out / TEXT_ENCODER))).encode(list(language.texts.texts))
    torch.testing.assert_close(torch.from_numpy(again), torch.from_numpy(language.texts.vectors_TD))
    start = sentence_encoder(load_text_encoder(str(folder))).encode(list(language.texts.texts))
    assert abs(start - again).max() > 1e-4  # it moved
    assert not any("bank" in key or "text" in key for key in load_checkpoint(out).classifier.state_dict())
    # an untuned run has neither
    run(tiny_store, tmp_path / "frozen", tiny(1, text=TextConfig(encoder=str(folder))))
    assert not (tmp_path / "frozen" / TEXT_ENCODER).exists()
    assert "tuned" not in load_vectors(tmp_path / "frozen" / "texts.safetensors").meta


@pytest.mark.parametrize("tune_epochs", [None, 1])
def test_stopped_and_resumed_it_ends_with_the_same_bits(
    folder: Path, tune_epochs: int | None, tiny_store: ClipStore, tmp_path: Path, monkeypatch: Any
):
    config = tuned_config(folder, tune_epochs=tune_epochs)
    run(tiny_store, tmp_path / "whole", config)
    with monkeypatch.context() as patch:
        patch.setattr("lst.training.train.epoch_line", stop_after(2))
        with pytest.raises(KeyboardInterrupt):
            run(tiny_store, tmp_path / "broken", config)
    run(tiny_store, tmp_path / "broken", config, resume=True)
    assert model_bytes(tmp_path / "broken") == model_bytes(tmp_path / "whole")
    texts = [(tmp_path / name / "texts.safetensors").read_bytes() for name in ("broken", "whole")]
    assert texts[0] == texts[1]
    logs = [[without_clock(row) for row in log_of(tmp_path / name)] for name in ("broken", "whole")]
    assert logs[0] == logs[1]


def test_the_encoder_has_a_rate_of_its_own_and_stops_when_told(
    folder: Path, tiny_store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rates: list[list[float]] = []
    moved: list[bool] = []
    original: Callable[..., Any] = TrainingRun.one_epoch

    def watched(self: TrainingRun, epoch: int, bar: Any) -> Any:
        before = [p.clone() for p in self.tuned_texts.encoder.parameters()]  # type: ignore[union-attr]
        row = original(self, epoch, bar)
        rates.append([group["lr"] for group in self.optimizer.param_groups])
        after = self.tuned_texts.encoder.parameters()  # type: ignore[union-attr]
        moved.append(any(not torch.equal(a, b) for a, b in zip(before, after, strict=True)))
        return row

    monkeypatch.setattr(TrainingRun, "one_epoch", watched)
    run(tiny_store, tmp_path / "run", tuned_config(folder, tune_rate=0.25, tune_epochs=2))
    assert all(own == pytest.approx(0.25 * net) for net, own in rates)
    assert moved == [True, True, False]
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert any(key.startswith("bank.encoder.") for key in state["net"])


def test_rates_that_are_not_given():
    gap = get_recipe("gap-nw-ucla-joint")
    assert gap.with_text(encoder="minilm", tune=True).tune_rate == 1.0  # Q26
    assert get_recipe("nw-ucla-joint").with_text(encoder="minilm", tune=True).tune_rate == 0.01
    assert gap.with_text(encoder="minilm", tune=True, tune_rate=0.5).tune_rate == 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tune": True}, "need text.encoder"),
        ({"descriptions": "my.json"}, "need text.encoder"),
        ({"tune_rate": 0.1}, "go with text.encoder"),
        ({"encoder": "minilm", "tune_epochs": 3}, "go with text.tune"),
        ({"encoder": "minilm", "vectors": "my.safetensors"}, "leave them or text.encoder out"),
        ({"encoder": "minilm", "tune": True, "tune_rate": 0.0}, "must be positive, got 0.0"),
        ({"encoder": "minilm", "tune": True, "tune_epochs": 0}, "at least 1, got 0"),
        ({"encoder": "minilm", "tune": True, "control": "random"}, "has no use for an encoder"),
    ],
)
def test_what_does_not_go_together(given: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        TextConfig(**given)


def test_descriptions_of_other_classes_are_refused(folder: Path, tiny_store: ClipStore, tmp_path: Path):
    from lst.text.descriptions import shipped_text

    own = json.loads(shipped_text("synthetic", ".json").read_text(encoding="utf-8"))
    own["classes"][0]["name"] = "wave a flag"
    (tmp_path / "my.json").write_text(json.dumps(own))
    config = replace(tiny(1), text=TextConfig(encoder=str(folder), descriptions=str(tmp_path / "my.json")))
    with pytest.raises(ValueError, match=r"my\.json: 1 problems, such as: class 0 \('wave a flag'\)"):
        run(tiny_store, tmp_path / "run", config)


def test_new_texts_are_encoded_by_the_encoder_of_the_run(folder: Path, tiny_store: ClipStore, tmp_path: Path):
    run(tiny_store, tmp_path / "run", tuned_config(folder, epochs=1, tune_rate=0.5))
    language = load_language(load_checkpoint(tmp_path / "run"))
    encode = encode_like(language.texts, language.own_encoder)
    texts = list(language.texts.texts[:3])
    torch.testing.assert_close(
        torch.from_numpy(encode(texts)), torch.from_numpy(language.texts.vectors_TD[:3])
    )
