"""Real peers: servers that charbench's authors did not write."""

from peers.llama import tiny_llama
from peers.tinker_server import tinker_server

__all__ = ["tinker_server", "tiny_llama"]
