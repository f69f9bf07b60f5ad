"""What people do with contracts: see every field, begin one from a document, invent examples, compare, review."""
