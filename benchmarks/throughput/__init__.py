"""The parts of `vision_throughput.py`: what is timed, the peers' side, and how time is taken."""
