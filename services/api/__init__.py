"""The HTTP door: catalogue and point-in-time rows, in the formats that programs read."""
