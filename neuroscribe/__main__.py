"""``python -m neuroscribe``."""

from neuroscribe.cli import main

if __name__ == "__main__":
    main()
