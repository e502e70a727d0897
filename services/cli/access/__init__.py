"""Commands about who may ask the API."""
