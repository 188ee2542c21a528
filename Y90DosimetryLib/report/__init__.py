"""What a tumor board reads: content, pictures, HTML, JSON."""
