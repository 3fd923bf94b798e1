"""Find the genres that trained models and another collection share."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from genre.errors import GenreError, unknown_key


@dataclass(frozen=True)
class SharedGenres:
    """The genres that models and a collection share.

    Attributes:
        names: Their names, in alphabetical order.
        renamed: Names that replace others, by the normalized name.
    """

    names: list[str]
    renamed: dict[str, str]

    def find(self, genre: str) -> str | None:
        """The shared name of a genre of either side; None if the other side lacks it."""
        own = normalize_genre(self.renamed.get(normalize_genre(genre), genre))
        return next((name for name in self.names if normalize_genre(name) == own), None)

    def groups(self, genres: list[str]) -> list[list[int]]:
        """For each shared genre, the indices of a model's genres that count as it."""
        return [[index for index, genre in enumerate(genres) if self.find(genre) == name] for name in self.names]


def normalize_genre(name: str) -> str:
    """Reduce a genre's name to its letters and digits in lower case: `Hip-Hop`, `hip hop` and `HipHop` are the same."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(filter(str.isalnum, folded)) or folded.strip()


def share_genres(collection: Iterable[str], models: list[list[str]], renamed: Mapping[str, str]) -> SharedGenres:
    """Match genres by their names.

    Args:
        collection: Genres of the collection.
        models: Genres of each model.
        renamed: Names of genres, of the collection or of a model, and the names that replace them. Several may get the
            same name; they then count as one genre.

    Returns:
        The genres that the collection and all models have, with the first model's spelling.

    Raises:
        GenreError: A renamed genre does not exist.
    """
    sides = [list(collection), *models]
    known = {normalize_genre(genre): genre for side in sides for genre in side}
    for name in renamed:
        if normalize_genre(name) not in known:
            text = unknown_key(name, known.values(), "not a genre of the music or of the run")
            raise GenreError(f"on_genres: {text}")
    new = {normalize_genre(old): str(name) for old, name in renamed.items()}
    spellings = [
        {normalize_genre(own): own for own in (new.get(normalize_genre(g), g) for g in side)} for side in sides
    ]
    common = set.intersection(*map(set, spellings))
    return SharedGenres(sorted(spellings[1][key] for key in common), new)
