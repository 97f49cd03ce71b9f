"""`python -m commands.arrival TAB`: see record.py."""

from .record import main

if __name__ == "__main__":
    main()
