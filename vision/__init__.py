"""Frames in, detections out: pixels and time, never the earth."""
