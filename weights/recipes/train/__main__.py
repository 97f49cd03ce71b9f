"""`python -m weights.recipes.train NAME` trains a generator and its critic, see `gan`."""

from .runs import main

if __name__ == "__main__":
    main()
