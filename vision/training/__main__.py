"""Entry of `python -m vision.training`."""

from vision.training.cli import main

raise SystemExit(main())
