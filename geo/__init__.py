"""Cameras, poses, ground and places with their error; knows pixels only as plain arrays."""
