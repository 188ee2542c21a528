"""The borders of the library: files in, files out; units and frames are converted here, once."""
