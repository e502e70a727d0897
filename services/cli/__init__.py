"""The command line, `econstream`: starts the services and shows what they keep."""
