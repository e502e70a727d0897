"""The door for rows from outside: read with a cap, judged in bulk, published, then answered."""
