"""Start the program from a checkout: python main.py [PATH]."""

from viewer.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
