"""Real peers: servers that charbench's authors did not write."""

from peers.chromium import axe, chromium
from peers.litellm import litellm_proxy
from peers.llama import tiny_judge, tiny_llama
from peers.nginx import failing_proxy
from peers.tinker_server import tinker_server

__all__ = ["axe", "chromium", "failing_proxy", "litellm_proxy", "tinker_server", "tiny_judge", "tiny_llama"]
