"""Entry of `python -m vision.training.scenes`."""

from vision.training.scenes.cli import main

raise SystemExit(main())
