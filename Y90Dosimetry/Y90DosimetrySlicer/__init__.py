"""The part of Y90Dosimetry that lives in 3D Slicer: it connects the scene and the user with the library."""
