"""A double of tinker-cookbook in a Python of its own: as much of its renderers' protocol as charbench uses.

``tests/peers/test_cookbook.py`` holds what charbench makes of it against the real one.
"""

from __future__ import annotations

import sys
from pathlib import Path

RENDERERS = '''
import os, sys, time
from tinker_cookbook.exceptions import RendererError

class Built:
    def __init__(self, tokens):
        self.tokens = tokens
    def to_ints(self):
        return self.tokens

class Colon:
    """Text alone: it has no place for thinking."""
    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False)
    def get_stop_sequences(self):
        return ["\\n\\nUser:"]
    def text(self, message):
        if not isinstance(message["content"], str):
            raise RendererError("Expected text content, got multimodal content")
        return message["content"]
    def build_generation_prompt(self, messages):
        print("what is printed goes elsewhere")
        said = "".join(f"{m['role'].capitalize()}: {self.text(m)}\\n\\n" for m in messages)
        return Built(self.encode(said) + self.encode("Assistant:"))
    def build_supervised_example(self, messages):
        given = self.build_generation_prompt(messages[:-1]).tokens
        learned = self.encode(" " + self.text(messages[-1]) + "\\n\\nUser:")
        rest = self.encode("\\n")
        return Built(given + learned + rest), [0.0] * len(given) + [1.0] * len(learned) + [0.0] * len(rest)

class Channels(Colon):
    """Thinking in a channel of its own; its end is one token."""
    end = "<|im_end|>"
    def get_stop_sequences(self):
        return self.encode(self.end)
    def text(self, message):
        if isinstance(message["content"], str):
            return message["content"]
        return "".join(f"[{p['thinking']}]" if p["type"] == "thinking" else p["text"] for p in message["content"])
    def build_supervised_example(self, messages):
        given = self.build_generation_prompt(messages[:-1]).tokens
        learned = self.encode(self.text(messages[-1]) + self.end)
        return Built(given + learned), [0.0] * len(given) + [1.0] * len(learned)

class Off(Channels):
    disables_thinking = True
    def build_generation_prompt(self, messages):
        return Built(super().build_generation_prompt(messages).tokens + self.encode("[]"))

class Dies(Channels):
    def build_generation_prompt(self, messages):
        if messages[0]["content"] != "hi":
            sys.stderr.write("Segmentation fault\\n")
            sys.stderr.flush()
            os._exit(3)
        return super().build_generation_prompt(messages)

KNOWN = {"role_colon": Colon, "kimi_k9": Channels, "kimi_k9_disable_thinking": Off, "dies": Dies}

def get_renderer(name, tokenizer):
    if name not in KNOWN:
        raise RendererError(f"Unknown renderer: {name}")
    return KNOWN[name](tokenizer)
'''
TRANSFORMERS = """
import os
from tokenizers import Tokenizer

assert not [name for name in os.environ if name.startswith("TINKER_")], "no key is handed on"

class AutoTokenizer:
    @staticmethod
    def from_pretrained(folder, local_files_only, trust_remote_code):
        assert local_files_only and not trust_remote_code
        return AutoTokenizer(Tokenizer.from_file(folder + "/tokenizer.json"))
    def __init__(self, inner):
        self.inner = inner
    def encode(self, text, add_special_tokens):
        return self.inner.encode(text, add_special_tokens=False).ids
    def decode(self, ids):
        return self.inner.decode(ids, skip_special_tokens=False)
"""


def write_python(folder: Path, *, with_cookbook: bool = True) -> Path:
    """Write a program that is a Python with the double in it, or without; return its path."""
    files = {"transformers.py": TRANSFORMERS}
    if with_cookbook:
        files |= {
            "tinker_cookbook/__init__.py": "",
            "tinker_cookbook/exceptions.py": "class RendererError(Exception):\n    pass\n",
            "tinker_cookbook/renderers.py": RENDERERS,
            "tinker_cookbook-0.9.dist-info/METADATA": "Metadata-Version: 2.1\nName: tinker-cookbook\nVersion: 0.9\n",
        }
    for name, content in files.items():
        file = folder / "site" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{folder / "site"}" exec "{sys.executable}" -P "$2"\n')
    program.chmod(0o755)
    return program
