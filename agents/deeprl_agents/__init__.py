"""The learner: what runs inside a worker process. Of the tool it sees only deeprl_tui.core and errors."""
