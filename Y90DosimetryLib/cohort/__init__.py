"""Many patients: every case of a folder assessed, tables of tumors and patients, and their statistics."""
