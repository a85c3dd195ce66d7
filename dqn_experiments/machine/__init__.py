"""The machine at hand: devices, memory, files, random generators, signals."""
