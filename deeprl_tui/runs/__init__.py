"""Run directories as a collection: made, found, asked, archived, and read back."""
