"""The tiny lab: a 0.9M-parameter chat model in plain numpy that can really be trained, on a laptop.

It exists to show charbench's whole pipeline (train a character, sample it, score it) in seconds, without a
GPU, an account or a download. It is **not a product**, and its limits are part of what it is for:

- what it says is templated, because it was pre-trained on generated text from a few hundred sentences;
- off-topic questions get canned replies;
- the voices it met in pre-training (pirate, robot, poet, scientist) can be made its own by a few seconds of
  LoRA; a voice it never met comes out garbled;
- it knows 1,024 tokens and 1,024 positions.

This package does not import charbench. Where to look:

=====================  ==========================================================================
``arrays``             the letters used for array shapes in every docstring here
``weights``            safetensors files
``model``              the configuration and the frozen weights
``layers``             RMSNorm, SwiGLU, linear maps with LoRA, cross-entropy; each with its backward
``attention``          rotary positions and grouped-query attention; each with its backward
``decoder_layer``      one layer of the network, put together from these
``transformer``        all layers: logits, and the loss with its LoRA gradients
``base_check``         whether a folder's weights are for another model
``lora``               the adapter: low-rank factors, stored in PEFT's format
``optimizer``          Adam
``recipe``             how to train: epochs, batches, learning-rate schedule
``examples``           tokenised examples, and how they become padded batches
``training``           a training run that can be stopped and resumed at any step
``run_state``          what such a run stores, and how its folder is replaced as a whole
``decoder``            the forward pass again, for speed: merged weights and a key-value cache
``sampling``           from logits to a token: temperature and nucleus
``completion``         the settings of sampling, one completion, and when it is over
``generation``         many prompts at once, until each stops
``threads``            one BLAS thread, because two are slower
``chat``               tokenizer and chat template
``voice``              how the templated text is put together
``pirate``             the sentences of one voice
``introspection``      the pirate's introspection examples, and ways to spoil them
=====================  ==========================================================================
"""
