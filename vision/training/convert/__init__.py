"""Public data sets into the one layout of `vision.training.dataset`: one reader per format, one writer for all.

A reader yields pictures with what is labelled in them, in the classes of this product; the writer checks every label,
lists what is wrong with its file and line or id, and says in the set's card what was looked for and what was not.
"""
