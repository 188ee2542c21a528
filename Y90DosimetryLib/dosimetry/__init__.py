"""Absorbed dose: single compartment, partition model, voxels, and what is read from them."""
