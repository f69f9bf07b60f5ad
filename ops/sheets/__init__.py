"""Tables as workbooks for clerks, and back: nothing is lost on the way, what is unclear is refused by its cell."""
