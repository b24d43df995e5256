"""Print the answers in Inspect's log, a line of JSON each: ``inspect_answers.py FOLDER``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from inspect_ai.log import read_eval_log

if __name__ == "__main__":
    (file,) = Path(sys.argv[1]).glob("*.eval")
    for sample in read_eval_log(str(file)).samples or ():
        print(json.dumps(sample.output.choices[0].message.text if sample.output.choices else None))
