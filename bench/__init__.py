"""How fast a launch is: `python -m bench` times it beside others and prints one table."""
