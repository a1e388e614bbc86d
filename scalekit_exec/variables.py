"""Which environment variables may be set by whom, and the templates that fill them (section 3)."""
