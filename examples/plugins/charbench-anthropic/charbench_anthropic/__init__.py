"""Sampler ``anthropic``: checkpoints ``anthropic:MODEL``, asked through Anthropic's Messages API.

https://docs.anthropic.com/en/api/messages
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from charbench import (
    Checkpoint,
    Completion,
    LimitsConfig,
    Provenance,
    Sampler,
    SampleRequest,
    SamplingError,
    Usage,
    hookimpl,
    malformed_reply,
    reading_reply,
)

if TYPE_CHECKING:
    import httpx

SCHEME = "anthropic:"
API = "https://api.anthropic.com"
_VERSION = "2023-06-01"
_STOPS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "refusal": "content_filter"}
_KINDS = {400: "bad_request", 401: "auth", 403: "auth", 404: "not_found", 408: "timeout", 429: "rate_limit"}
_TRY_AGAIN = {408, 409, 429}


class Anthropic(Sampler):
    """Models at Anthropic's Messages API, with extended thinking."""

    name = "anthropic"
    key_issuers: ClassVar[Mapping[str, str]] = {"ANTHROPIC_API_KEY": API}

    class Config(LimitsConfig):
        """What is asked for; the engine keeps to the limits."""

        base_url: str = Field(API, description="address of the API")
        max_tokens: int = Field(4096, ge=1, description="maximum tokens of an answer, thinking included")
        thinking_budget: int = Field(2048, ge=0, description="tokens for thinking, at least 1024; 0: no thinking")
        temperature: float = Field(1.0, ge=0, le=1, description="with thinking, the API takes 1 only")

        @model_validator(mode="after")
        def _is_taken_by_the_api(self) -> Anthropic.Config:
            if self.thinking_budget and not 1024 <= self.thinking_budget < self.max_tokens:
                raise ValueError("thinking_budget is 0, or from 1024 to less than max_tokens")
            if self.thinking_budget and self.temperature != 1:
                raise ValueError("with thinking, temperature is 1; set thinking_budget=0 for another one")
            return self

    config: Config
    client: httpx.AsyncClient

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take ``anthropic:MODEL``."""
        return checkpoint.uri.startswith(SCHEME)

    def prepare(self, root: Path, folder: Path) -> None:
        """Open the client; the engine's timeouts end its requests."""
        import httpx

        endpoint = self.endpoint(self.config.base_url, default_env="ANTHROPIC_API_KEY")
        headers = {"anthropic-version": _VERSION} | ({"x-api-key": endpoint.api_key} if endpoint.api_key else {})
        self.client = httpx.AsyncClient(base_url=endpoint.base_url, headers=headers, timeout=None)

    async def aclose(self) -> None:
        """Close the client."""
        await self.client.aclose()

    async def sample(self, request: SampleRequest) -> Completion:
        """Send one request. Raise :class:`charbench.SamplingError` where there is no answer; the engine tries again."""
        import httpx

        try:
            reply = await self.client.post("/v1/messages", json=self.body(request))
        except httpx.TransportError as error:
            raise SamplingError(f"{type(error).__name__}: {error}", kind="connection", retryable=True) from error
        if reply.status_code != httpx.codes.OK:
            raise _refused(reply)
        with reading_reply(self.config.base_url):
            return self._completion(reply.json())

    def body(self, request: SampleRequest) -> dict[str, Any]:
        """Return what is sent: the API takes the system's turns apart from the others."""
        turns = request.prompt.messages
        system = "\n\n".join(turn.content for turn in turns if turn.role == "system")
        budget = self.config.thinking_budget
        return {
            "model": request.checkpoint.uri.removeprefix(SCHEME),
            "max_tokens": self.config.max_tokens,
            "temperature": self.config.temperature,
            "messages": [{"role": turn.role, "content": turn.content} for turn in turns if turn.role != "system"],
            **({"system": system} if system else {}),
            **({"thinking": {"type": "enabled", "budget_tokens": budget}} if budget else {}),
        }

    def _completion(self, reply: Any) -> Completion:
        texts: dict[str, list[str]] = {"thinking": [], "text": []}
        for block in reply["content"]:
            if block["type"] in texts:  # redacted thinking has no text
                texts[block["type"]].append(block[block["type"]])
        thinking, response = "".join(texts["thinking"]), "".join(texts["text"])
        stop, usage = reply["stop_reason"], reply["usage"]
        if not thinking and not response and stop not in _STOPS:
            raise malformed_reply(self.config.base_url, f"no text, stop_reason {stop!r}")
        return Completion(
            response=response,
            thinking=thinking,
            thinking_off=not self.config.thinking_budget,
            finish_reason=_STOPS.get(stop, str(stop)),
            usage=Usage(int(usage["input_tokens"]), int(usage["output_tokens"])),
            max_tokens=self.config.max_tokens,
            provenance=Provenance(endpoint=self.config.base_url, server_model=str(reply["model"])),
        )


def _refused(reply: httpx.Response) -> SamplingError:
    status = reply.status_code
    try:
        said = str(reply.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        said = reply.text[:200]
    after = reply.headers.get("retry-after", "")
    return SamplingError(
        f"{status}: {said}",
        kind=_KINDS.get(status, "server" if status >= 500 else "bad_request"),
        retryable=status in _TRY_AGAIN or status >= 500,
        retry_after=float(after) if after.isdecimal() else None,
    )


@hookimpl
def charbench_samplers() -> Iterable[type[Sampler]]:
    """Return the sampler."""
    return [Anthropic]
