"""From labelled pictures to `models/<name>/model.onnx` and its card; a tool for makers, never needed at run time.

Nothing here imports torch or ultralytics at module level: the package can be imported, typed and mostly tested without
them; the functions that train or export import them when called (extra `[train]`).
"""
