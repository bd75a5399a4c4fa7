"""Watching: a host's runs folder as a stream of frames, and the fleet that the frames build."""
