"""The engine: exchanges kept, delivered once, reconciled. Knows no municipal service and no vendor by name."""
