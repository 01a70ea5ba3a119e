"""The training program at the root of the code archive, as `train.py`: AWS's container runs `python -m train` there."""

import sys

from training_code.train import main

if __name__ == "__main__":
    sys.exit(main())
