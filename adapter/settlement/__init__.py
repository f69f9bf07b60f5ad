"""Settlement: the state machine, and what an outcome changes in one commit."""
