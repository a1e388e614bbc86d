"""How we speak: the two commands, their words and their output."""
