"""Y-90 radioembolization dosimetry: from images and outlines to doses, measures and findings."""
