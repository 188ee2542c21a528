"""What Slicer adds to the `slicer-core` wheel, as far as the module and its tests need it."""
