class GenreError(Exception):
    """A failure that is the user's to mend: its text says what is wrong and what to do, in one line."""
