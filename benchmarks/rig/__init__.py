"""What benchmarks stand on: services, input, limits and the processes that are measured."""
