"""Make the tiny lab's base model from nothing: tokenizer, corpus, 1,200 steps; 6 to 8 minutes on one thread.

    python -m tools.tinylab.pretrain --out some/folder

Needs torch and transformers. The result loads in transformers as ``Qwen3ForCausalLM`` and in
``charbench_plugins.tiny`` as a ``TinyModel``. The weights that ship were made by an earlier form of this
script from the same sentences; a new run gives a model as good, not the same numbers.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import time
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from charbench_plugins.tiny.model import BASE_DIRECTORY

from .corpus import Chat, assistant_chats, documents, role_play_chats

VOCABULARY_SIZE = 1024
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
THINKING_TOKENS = ("<think>", "</think>")

BATCH_SIZE = 16
SEQUENCE_LENGTH = 192
LEARNING_RATE = 3e-3
WARMUP_STEPS = 50

# Qwen's way of cutting text into words, except that digits stand alone.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def main() -> None:
    """Read the options, make the model, and save it."""
    parser = argparse.ArgumentParser(description="Pre-train the tiny lab's base model.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    chats = assistant_chats(4500) + role_play_chats(3600)
    texts = documents(1200)
    tokenizer = make_tokenizer(chats, texts)
    model = make_model(tokenizer)
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters")
    pretrain(model, tokenize(tokenizer, chats, texts), options.steps)

    model.generation_config.update(
        do_sample=True,
        temperature=0.7,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model.to(torch.bfloat16).save_pretrained(options.out)
    tokenizer.save_pretrained(options.out)


def make_tokenizer(chats: list[Chat], texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE on the corpus. The thinking tags are tokens but not special: decoding shows them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    added = len(SPECIAL_TOKENS) + len(THINKING_TOKENS)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE - added,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    contents = [message["content"] for chat in chats for message in chat]
    tokenizer.train_from_iterator(contents + texts, trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in THINKING_TOKENS])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = (BASE_DIRECTORY / "chat_template.jinja").read_text("utf-8")
    return wrapped


def make_model(tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """A Qwen3 with 0.9 million parameters, at random."""
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            attention_dropout=0.0,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            use_sliding_window=False,
        )
    )


def tokenize(tokenizer: PreTrainedTokenizerFast, chats: list[Chat], texts: list[str]) -> list[list[int]]:
    """Chats and documents as tokens, shuffled."""
    pool = [tokenizer.apply_chat_template(chat, tokenize=True, return_dict=False) for chat in chats]
    pool += [[*tokenizer.encode(text), tokenizer.pad_token_id] for text in texts]
    random.Random(0).shuffle(pool)
    return pool


def pretrain(model: Qwen3ForCausalLM, pool: list[list[int]], steps: int) -> None:
    """Next-token training on windows that begin where a chat or a document begins."""
    stream = torch.tensor(list(itertools.chain.from_iterable(pool)))
    starts = torch.tensor(list(itertools.accumulate(map(len, pool), initial=0)))
    starts = starts[starts < len(stream) - SEQUENCE_LENGTH - 1]
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.05)
    started = time.perf_counter()
    model.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        chosen = starts[torch.randint(0, len(starts), (BATCH_SIZE,))]
        batch = torch.stack([stream[start : start + SEQUENCE_LENGTH] for start in chosen])
        loss = model(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss.item():.4f} after {time.perf_counter() - started:.0f} s", flush=True)


def learning_rate(step: int, steps: int) -> float:
    """A linear warm-up, then a cosine from the full rate to a twentieth of it."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return LEARNING_RATE * min(1, (step + 1) / WARMUP_STEPS) * (0.05 + 0.95 * cosine)


if __name__ == "__main__":
    main()
