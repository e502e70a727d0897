"""What only one upstream has: its routes, its forms, its figures; a folder for each."""
