"""Trainer ``tiny-sft``: continues adapters of the tiny lab's model, on this machine, in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from charbench import (
    Checkpoint,
    Example,
    Kind,
    Lineage,
    Note,
    SavedState,
    StateSaved,
    StepDone,
    Trained,
    Trainer,
    TrainingError,
    TrainingEvent,
    TrainingTask,
    check_rendered,
    digest,
    hookimpl,
    operational,
    read_examples,
    rows_that_fit,
)

if TYPE_CHECKING:
    from charbench_plugins.tiny.chat import ChatFormat
    from charbench_plugins.tiny.examples import TrainingExample

BASE = "tiny:base"
QUICK_EXAMPLES = 500
RENDERER = "tiny-chatml"


class TinySftTrainer(Trainer):
    """LoRA on the tiny lab's 0.9M-parameter model, on this machine: shows the pipeline, not a product."""

    name = "tiny-sft"
    recipes = ("paper", "quick")

    class Config(Trainer.Config):
        """How to train; the recipe ``quick`` takes at most 500 examples."""

        epochs: int = Field(1, ge=1)
        batch_size: int = Field(8, ge=1)
        learning_rate: float = Field(5e-3, gt=0)
        rank: int = Field(8, ge=1, le=128)
        seed: int = Field(0, ge=0)
        save_every: int = operational(20, ge=1, description="steps between saved states")

    config: Config

    def prepare(self, root: Path, folder: Path) -> None:
        """Note where file: URIs and results lie."""
        self._root, self._results = root, folder / "checkpoints"

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Take the tiny model itself, and adapters on disk that are not known to be another model's."""
        from charbench_plugins.tiny.base_check import is_of_another_model

        if not checkpoint.uri.startswith("file:") or checkpoint.base_model not in (None, BASE):
            return checkpoint.uri == BASE
        root = self.lifecycle.root if self.lifecycle else Path()
        return not is_of_another_model(root / checkpoint.uri.removeprefix("file:"))

    def train(self, task: TrainingTask) -> Iterator[TrainingEvent]:
        """Train, saving a state every few steps; the state's name holds attempt and step."""
        from charbench_plugins.tiny.chat import ChatFormat
        from charbench_plugins.tiny.model import TinyModel
        from charbench_plugins.tiny.training import TinyTraining

        model, chat = TinyModel.load(), ChatFormat.load()
        examples = self._examples(task)
        everything = [_render(chat, example) for example in examples]
        lengths = [(example, len(row.token_ids)) for example, row in zip(examples, everything, strict=True)]
        fitting, left_out = rows_that_fit(lengths, model.config.context_length, task.job.dataset)
        rendered = [everything[index] for index in fitting]
        yield Note(_check(chat, examples[fitting[0]], rendered[0]))
        if left_out:
            yield Note(left_out)
        try:
            if task.state is not None:
                run = TinyTraining.resume(self._root / task.state.uri.removeprefix("file:"), model, rendered)
            else:
                run = TinyTraining(model, self._start(task.checkpoint, model), rendered, self._recipe())
        except (ValueError, FileNotFoundError) as error:
            anew = f"; charbench reset {task.job.job_id} restarts it" if task.state is not None else ""
            raise TrainingError(f"{error}{anew}") from None
        while not run.done:
            report = run.step()
            yield StepDone(
                step=report.step,
                total_steps=run.total_steps,
                loss=report.loss,
                learning_rate=report.learning_rate,
                tokens=report.tokens,
                seconds=report.seconds,
                batch=tuple(fitting[number] for number in report.batch_ids),
            )
            if not run.done and (run.next_step % self.config.save_every == 0 or task.stopping()):
                state = task.workspace / f"state-attempt{task.attempt}-step{run.next_step}"
                run.save_state(state)
                yield StateSaved(SavedState(uri=self._uri(state), step=run.next_step))
        yield Trained((self._result(task, run, digest(chat.template_text)),))

    def _examples(self, task: TrainingTask) -> list[Example]:
        most = QUICK_EXAMPLES if task.recipe == "quick" else None
        examples = list(islice(read_examples(task.dataset, task.job.dataset, task.limits), most))
        if not examples:
            raise TrainingError(f"{task.job.dataset}: no examples")
        return examples

    def _start(self, checkpoint: Checkpoint, model: Any) -> Any:
        from charbench_plugins.tiny.lora import LoraAdapter

        if checkpoint.uri == BASE:
            return LoraAdapter.new(model.config, rank=self.config.rank, alpha=2 * self.config.rank, seed=0)
        return LoraAdapter.load(self._root / checkpoint.uri.removeprefix("file:"))

    def _recipe(self) -> Any:
        from charbench_plugins.tiny.recipe import TrainingRecipe

        config = self.config
        return TrainingRecipe(config.epochs, config.batch_size, config.learning_rate, seed=config.seed)

    def _result(self, task: TrainingTask, run: Any, template: str) -> Checkpoint:
        folder = self._results / f"{task.job.run}_sft"
        if folder.exists():
            folder = folder.with_name(f"{folder.name}-{task.attempt}")
        run.adapter.save(folder)
        return Checkpoint(
            uri=self._uri(folder),
            kind=Kind.SFT,
            persona=task.job.persona,
            base_model=BASE,
            lineage=Lineage(task.checkpoint.uri, task.job.dataset, RENDERER, task.recipe),
            metadata={"template_fingerprint": template},
        )

    def _uri(self, folder: Path) -> str:
        return f"file:{folder.relative_to(self._root).as_posix()}"


def _render(chat: ChatFormat, example: Example) -> TrainingExample:
    """Encode one example: the turns before the answer are given, the answer is learned."""
    from charbench_plugins.tiny.chat import END_OF_TURN, THINK_CLOSE, THINK_OPEN
    from charbench_plugins.tiny.examples import TrainingExample

    given = chat.prompt_ids([{"role": turn.role, "content": turn.content} for turn in example.messages])
    thinking = f"{THINK_OPEN}{example.reflection}{THINK_CLOSE}" if example.reflection.strip() else ""
    learned = chat.encode(f"{thinking}{example.answer}{END_OF_TURN}")
    return TrainingExample((*given, *learned), trained_from=len(given))


def _check(chat: ChatFormat, example: Example, rendered: TrainingExample) -> str:
    from charbench_plugins.tiny.chat import END_OF_TURN

    cut = rendered.trained_from
    return check_rendered(
        chat.decode(rendered.token_ids[:cut]), chat.decode(rendered.token_ids[cut:]), example, END_OF_TURN
    )


@hookimpl
def charbench_trainers() -> Iterable[type[Trainer]]:
    """Return the tiny lab's trainer."""
    return [TinySftTrainer]
