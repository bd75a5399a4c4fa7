"""Taking results out: tables, pictures, a report, TensorBoard files, a model card.

Rule: results are read and never changed; a file appears whole or not at all, and none is replaced unasked.
Needs numpy and matplotlib, so it is imported when somebody asks for it.
"""
