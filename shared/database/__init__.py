"""The databases behind one door; see base for the protocol."""
