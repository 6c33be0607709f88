"""Rendered scenes: labelled pictures of what no photographed set at hand shows, made with Blender as a Python module.

    python -m vision.training.scenes render --out SCENES --grounds DIR --train 1200 --val 120 --test 180 --seed 1
    python -m vision.training.scenes sheet --out SCENES --part train --picture sheet.png
    python -m vision.training.scenes summary --out SCENES

Anglers, walkers, dumps, puddles, boats and what looks like them stand on banks, roads and yards, seen from 20-150 m. A
picture is a pure function of seed, part and number, so an interrupted run goes on where it stopped. Everything but
`blender` is plain numpy: shapes, plans, cameras, labels and the picture's development can be tested without Blender.
The parts train, val and test share no seed, no crop of a real ground, no texture and no variant of an asset.
"""
