"""The journal's schema, revision by revision, spelled out by hand: what is here never follows `schema.py` silently."""
