"""Articles of the press, whichever feed brings them."""
