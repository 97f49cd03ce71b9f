"""Class-conditional batch normalisation, channel by channel: which channel makes which class, and what follows."""
