"""What the tool knows about shells: so far, how they complete its words."""
