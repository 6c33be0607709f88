"""From labelled pictures to `models/<name>/model.onnx` and its card; a tool for makers, never needed at run time.

    python -m vision.training.synthetic --sprites DIR --backgrounds DIR --lake DIR --out COMPOSED
    python -m vision.training prepare --data DATA --synthetic COMPOSED --out SET
    python -m vision.training pseudo-label --set SET --weights COCO.pt
    python -m vision.training windows objects --set SET
    python -m vision.training dry-ground --set SET --pictures DRY_FLIGHT/images   # water only, after `windows water`
    flyonce train SET/objects_windows --model objects --turned --weights COCO.pt --out RUN --input-px 416 --epochs 8 \
        --mosaic 0
    python -m vision.training export objects --checkpoint RUN/weights/best.pt --set SET --out models/objects
    flyonce evaluate SET/objects --models models/objects --choose-thresholds
    flyonce evaluate SET/objects --models models/objects --split test --write-card
    python -m vision.training count --model-dir models/objects --pictures FLIGHT/images

and the same with `water`, without pseudo-labels. What was run for the models of this repository stands in their cards;
`docs/training.md` says how users train on their own pictures.

Nothing here imports torch or ultralytics at module level: the package can be imported, typed and mostly tested without
them; the functions that train or export import them when called (extra `[train]`).
"""
