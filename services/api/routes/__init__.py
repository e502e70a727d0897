"""One file a resource; each makes its router from what it is given."""
