"""From a command line or a stored file to a checked config and the components it names."""
