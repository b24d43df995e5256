"""Saves checkpoints on a Tinker-API server through the SDK, as another lab's script would; prints their URIs as JSON.

    TINKER_BASE_URL=... TINKER_API_KEY=... python make_checkpoints.py BASE_MODEL NAME...

In a process of its own: the SDK keeps its connections open to the end of the process.
"""

import json
import sys

import tinker


def main() -> None:
    """Save each name once for training and once for sampling, each in a run of its own."""
    base_model, *names = sys.argv[1:]
    service = tinker.ServiceClient()
    saved = {}
    for name in names:
        client = service.create_lora_training_client(base_model=base_model, rank=8)
        training = client.save_state(name).result().path
        saved[name] = {
            "training": training,
            "sampling": client.save_weights_for_sampler(f"{name}-sampler").result().path,
        }
    print(json.dumps(saved))


if __name__ == "__main__":
    main()
