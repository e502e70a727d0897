"""What the pipeline costs, measured beside the limits of the parts that it stands on."""
