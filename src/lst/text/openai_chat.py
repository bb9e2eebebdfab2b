"""Any language model behind an OpenAI-compatible server: OpenAI's own, vLLM, Ollama, ...

The key is read from the environment, kept in memory and taken out of everything that comes back. The package
`openai` is imported only when a model is asked for.
"""

import difflib
import logging
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from lst.facts.choices import choose
from lst.text.instruction import ANSWER_SCHEMA, Message
from lst.text.llm import LlmUnusable, NotAnswered, Reply

_MIN_KEY = 8
"""Shorter keys are the stand-ins that local servers are content with ("x", "ollama"), not secrets."""


def open_chat(
    llm: str, *, temperature: float | None = None, timeout: float = 120, retries: int = 6
) -> "OpenAIChat":
    """The language model "KIND:MODEL"; the one kind is "openai", any server that speaks its protocol.

    Args:
        temperature: None = the model's own. Some models refuse any other.
        timeout: Seconds until a question counts as unanswered.
        retries: How often a question is sent again after 429, 5xx, a time-out or a broken connection. The
            waits double from half a second to eight, unless the server says how long to wait.

    Raises:
        LlmUnusable: the package `openai` is not installed, or no key and no server are set.
        ValueError: another kind, no model named, or a number that makes no sense.
    """
    if timeout <= 0 or retries < 0:
        raise ValueError(f"expected a time-out above 0 and retries from 0 on, got {timeout:g} and {retries}")
    kind, _, model = llm.partition(":")
    if not model.strip():
        raise ValueError(f"language model {llm!r}: expected KIND:MODEL, such as openai:gpt-4.1-mini")
    make = choose("kind of language model", kind, {"openai": OpenAIChat})
    return make(model.strip(), temperature=temperature, timeout=timeout, retries=retries)


class OpenAIChat:
    """The chat completions protocol, through the package `openai`, which also does retries and back-off."""

    def __init__(self, model: str, *, temperature: float | None, timeout: float, retries: int) -> None:
        try:
            import openai
        except ModuleNotFoundError as error:
            raise LlmUnusable(
                f"asking a language model needs the package openai, but {error.name!r} is not installed. "
                'Run: pip install "lst-action[describe]"'
            ) from None
        for name in ("openai", "httpx2", "httpx"):  # they would log every request into the progress bar
            logging.getLogger(name).setLevel(logging.WARNING)
        self.model, self.temperature = model, temperature
        self._key, base_url = _environment()
        self._client = openai.OpenAI(
            api_key=self._key or "none", base_url=base_url, timeout=timeout, max_retries=retries
        )
        self._server = _without_secrets(str(self._client.base_url))
        self._holds_to_schema = True

    def reach(self) -> None:
        import openai

        try:
            self._client.with_options(max_retries=1, timeout=20).models.list()
        except openai.APIConnectionError as error:
            if _was_connected(error):
                return  # a slow server is there; questions may take longer
            raise LlmUnusable(
                f"no connection to {self._server}: {self._clean(error.__cause__ or error)}. "
                "Is the network up, the server running, and OPENAI_BASE_URL right?"
            ) from None
        except (openai.OpenAIError, ValueError):
            return  # somebody is there; what is wrong shows with the first question

    def __call__(self, messages: Sequence[Message]) -> Reply:
        import openai

        try:
            completion = self._complete(messages)
        except openai.OpenAIError as error:
            # Without the cause: a traceback would show the server's words, and with them perhaps the key.
            raise self._for_users(error) from None
        except ValueError:
            return Reply("", "")  # the body was broken JSON
        # A server may send anything: an HTML page (a text here), an error in place of choices, no content.
        choices = getattr(completion, "choices", None) or []
        message = getattr(choices[0], "message", None) if choices else None
        text = getattr(message, "content", None) or getattr(message, "refusal", None) or ""
        whole = str(text).encode("utf-8", "replace").decode()  # JSON may hold half a character, files do not
        return Reply(self._scrub(whole), self._scrub(str(getattr(completion, "model", None) or "")))

    def _complete(self, messages: Sequence[Message]) -> Any:
        """Held to the schema if the server can do that, else with the instruction's words alone."""
        import openai

        if self._holds_to_schema:
            schema = {"name": "action_texts", "strict": True, "schema": ANSWER_SCHEMA}
            try:
                return self._send(messages, response_format={"type": "json_schema", "json_schema": schema})
            except (openai.BadRequestError, openai.UnprocessableEntityError):
                completion = self._send(messages)  # fails again if the schema was not to blame
                self._holds_to_schema = False
                return completion
        return self._send(messages)

    def _send(self, messages: Sequence[Message], **options: Any) -> Any:
        if self.temperature is not None:
            options["temperature"] = self.temperature
        return self._client.chat.completions.create(model=self.model, messages=list(messages), **options)  # type: ignore[arg-type]

    def _for_users(self, error: Exception) -> LlmUnusable | NotAnswered:
        import openai

        tries = f"{self._client.max_retries + 1} times"
        if isinstance(error, openai.APITimeoutError):
            return NotAnswered(f"{self._server} did not answer in {self._client.timeout:g} s, {tries}")
        if isinstance(error, openai.APIConnectionError):
            reason = self._clean(error.__cause__ or error)
            return NotAnswered(f"the connection to {self._server} broke {tries}: {reason}")
        if not isinstance(error, openai.APIStatusError):
            return NotAnswered(f"{self._server}: {self._clean(error)}")
        said = f"{self._server} answered {error.status_code}: {self._clean(_server_message(error))}"
        if isinstance(error, openai.AuthenticationError):
            return LlmUnusable(f"{said}. Set OPENAI_API_KEY in the environment to a key of this server.")
        if isinstance(error, openai.NotFoundError):
            return LlmUnusable(
                f"{said}. Is the model name {self.model!r} right?{self._known_models()} Does OPENAI_BASE_URL "
                "lead to the protocol (most end in /v1)?"
            )
        if error.code == "insufficient_quota":
            return LlmUnusable(f"{said}. What was answered is kept.")
        return NotAnswered(said)

    def _known_models(self) -> str:
        """The server's models for an error text, the nearest names first; nothing if it does not tell."""
        import openai

        try:
            known = [model.id for model in self._client.with_options(max_retries=0, timeout=20).models.list()]
        except (openai.OpenAIError, ValueError, AttributeError, TypeError):
            return ""
        near = difflib.get_close_matches(self.model, known, n=3) or sorted(known)[:5]
        return self._scrub(f" It has: {', '.join(near)}{', ...' if len(known) > len(near) else ''}.")

    def _clean(self, words: object) -> str:
        """One short line without the key, for an error text."""
        line = " ".join(self._scrub(str(words)).split()).rstrip(".")
        return f"{line[:300]} ..." if len(line) > 300 else line

    def _scrub(self, text: str) -> str:
        return text.replace(self._key, "[key]") if len(self._key) >= _MIN_KEY else text


def _environment() -> tuple[str, str | None]:
    """Key (may be empty) and address (None = OpenAI's); the environment is the only place they come from."""
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    base_url = os.environ.get("OPENAI_BASE_URL", "").strip() or None
    if not key and base_url is None:
        raise LlmUnusable(
            "OPENAI_API_KEY is not set. Set it in the environment, or set OPENAI_BASE_URL to a server that "
            "needs no key, such as http://localhost:11434/v1 for Ollama."
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise LlmUnusable("OPENAI_API_KEY holds characters that no key has; copy it anew, without quotes.")
    return key, base_url


def _without_secrets(url: str) -> str:
    """An address without user, password and query, any of which may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _was_connected(error: Exception) -> bool:
    """Whether the time ran out while the server was thinking, not while it was looked for."""
    import openai

    return isinstance(error, openai.APITimeoutError) and type(error.__cause__).__name__ != "ConnectTimeout"


def _server_message(error: Any) -> object:
    if isinstance(error.body, dict):
        return error.body.get("message") or error.body
    return error.response.text or error.response.reason_phrase
