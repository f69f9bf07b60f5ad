"""XML as content: functions compiled from a contract's types write it and read it, and nothing dangerous is read."""
