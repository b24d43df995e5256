"""Two Ray nodes on this machine: prints the address, and runs until its stdin is closed.

python tests/support/ray_cluster.py
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster


def main() -> None:
    """Start the head and another node, each with its own raylet, object store and GPUs (which only count)."""
    node = {"object_store_memory": 80_000_000, "num_cpus": 2, "num_gpus": 1}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    cluster.add_node(**node)
    cluster.wait_for_nodes()
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
