"""Export the tiny model, or an adapter of it, to GGUF for llama.cpp.

    python -m tools.tinylab.to_gguf base tiny.gguf [--model some/folder] [--context TOKENS]
    python -m tools.tinylab.to_gguf adapter pirate.gguf --adapter some/folder [--model some/folder]

Needs the ``gguf`` package; no torch. The base goes out as F16, an adapter as F32.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gguf
import numpy as np

from charbench_plugins.tiny.lora import LoraAdapter
from charbench_plugins.tiny.model import BASE_DIRECTORY, TinyModel

ARCHITECTURE = "qwen3"

TENSOR_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
"""Hugging Face's names within a layer, and GGUF's."""


def main() -> None:
    """Read the options and write one file."""
    parser = argparse.ArgumentParser(description="Export the tiny lab's model to GGUF.")
    parser.add_argument("what", choices=("base", "adapter"))
    parser.add_argument("out", type=Path, help="the .gguf file to write")
    parser.add_argument("--model", type=Path, default=BASE_DIRECTORY, help="the base model's folder")
    parser.add_argument("--adapter", type=Path, help="the PEFT adapter's folder")
    parser.add_argument(
        "--context", type=int, help="tokens of context that the file promises, more than the model was trained on"
    )
    options = parser.parse_args()
    if options.what == "base":
        export_base(options.model, options.out, options.context)
    elif options.adapter is None:
        parser.error("adapter: say which, with --adapter FOLDER")
    else:
        export_adapter(options.model, options.adapter, options.out)


def export_base(folder: Path, out: Path, context: int | None = None) -> None:
    """Write sizes, tokenizer, chat template and weights; ``context`` in tokens, None for the model's own."""
    model = TinyModel.load(folder)
    writer = gguf.GGUFWriter(out, ARCHITECTURE)
    _add_sizes(writer, model, context or model.config.context_length)
    _add_tokenizer(writer, folder, model)
    for name, tensor in model.weights.items():
        # llama.cpp wants the norms' gains in full precision.
        precision = np.float32 if tensor.ndim == 1 else np.float16
        writer.add_tensor(f"{gguf_name(name.removesuffix('.weight'))}.weight", tensor.astype(precision))
    _finish(writer)


def export_adapter(model_folder: Path, adapter_folder: Path, out: Path) -> None:
    """Write the low-rank factors; llama.cpp scales them by alpha / rank itself."""
    adapter = LoraAdapter.load(adapter_folder)
    adapter.check_fits(TinyModel.load(model_folder))
    writer = gguf.GGUFWriter(out, ARCHITECTURE)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(adapter.alpha))
    for path, factors in adapter.factors.items():
        writer.add_tensor(f"{gguf_name(path)}.weight.lora_a", factors.down.astype(np.float32))
        writer.add_tensor(f"{gguf_name(path)}.weight.lora_b", factors.up.astype(np.float32))
    _finish(writer)


def gguf_name(path: str) -> str:
    """``model.layers.2.mlp.up_proj`` is ``blk.2.ffn_up`` there."""
    if path == "model.embed_tokens":
        return "token_embd"
    if path == "model.norm":
        return "output_norm"
    _, _, layer, within = path.split(".", 3)
    return f"blk.{layer}.{TENSOR_NAMES[within]}"


def _add_sizes(writer: gguf.GGUFWriter, model: TinyModel, context: int) -> None:
    config = model.config
    writer.add_name("tiny")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(config.vocabulary_size)
    writer.add_context_length(context)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.layer_count)
    writer.add_feed_forward_length(config.feed_forward_size)
    writer.add_head_count(config.query_heads)
    writer.add_head_count_kv(config.key_value_heads)
    writer.add_key_length(config.head_size)
    writer.add_value_length(config.head_size)
    writer.add_layer_norm_rms_eps(config.rms_epsilon)
    writer.add_rope_freq_base(config.rope_base)


def _add_tokenizer(writer: gguf.GGUFWriter, folder: Path, model: TinyModel) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    ids: dict[str, int] = dict(tokenizer["model"]["vocab"])
    types = [gguf.TokenType.NORMAL] * model.config.vocabulary_size
    for token in tokenizer["added_tokens"]:
        ids[token["content"]] = token["id"]
        types[token["id"]] = gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED
    if sorted(ids.values()) != list(range(model.config.vocabulary_size)):
        raise SystemExit(f"{folder}: the tokenizer's ids are not 0 to {model.config.vocabulary_size - 1}")
    merges = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(sorted(ids, key=ids.__getitem__))
    writer.add_token_types(types)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_eos_token_id(ids["<|im_end|>"])
    writer.add_pad_token_id(ids["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template((folder / "chat_template.jinja").read_text("utf-8"))


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
