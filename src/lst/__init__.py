"""LST: Language Supervised Training for skeleton-based action recognition."""

__version__ = "0.1.0"
