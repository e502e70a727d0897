"""The dashboard: the economy at a glance, as any client of the API could draw it."""
