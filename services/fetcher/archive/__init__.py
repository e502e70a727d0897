"""Every answer kept as it came, and an archive played back as if fetched then."""
