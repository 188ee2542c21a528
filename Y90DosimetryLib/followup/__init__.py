"""What happened after the treatment: remnant, response, pathology, and readiness for surgery."""
