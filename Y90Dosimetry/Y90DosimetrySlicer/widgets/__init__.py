"""The panel: one section a file. Widgets connect; whatever is computed comes from the workflow or the library."""
