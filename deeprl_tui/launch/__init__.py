"""Who gets runs going."""
