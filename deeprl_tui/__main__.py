"""`python -m deeprl_tui` is `deeprl`."""

from deeprl_tui.cli.main import main

if __name__ == "__main__":
    main()
