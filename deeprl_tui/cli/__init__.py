"""`deeprl`: the command line. One module for each group of verbs; `output` is the only writer to stdout."""
