"""Which known texts a wording resembles: nearest candidates by their characters, ranked by RapidFuzz.

Comparing every wording with every candidate by all three measures would take minutes (10,000 × 20,000 pairs at about
2 µs), so single characters and pairs of them, weighted by rarity, choose the nearest few of each wording first: one
sparse product.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import LCSseq
from scipy import sparse

from pv.text import clean

NEAREST = 20  # candidates of a wording that are compared in full
CHUNK = 500  # wordings at a time: at 20,000 candidates a block of at most 80 MB
_PART, _IN_ORDER = 0.9, 0.85  # a part or an abbreviation is less than the whole
_SHORTEST_ABBREVIATION = 3
_PUNCTUATION = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """Case, width and punctuation taken off; words stay apart."""
    return _PUNCTUATION.sub(" ", clean(text).casefold()).strip()


def score(one: str, other: str) -> float:
    """Likeness of two folded texts, 0 to 100: the greatest of

    - the share of characters that are in both, in order (`ratio`; also with the words sorted);
    - 0.9 × the same for the best-fitting part of the longer one, from two characters on: 皮肤瘙痒 and 瘙痒;
    - 0.85 × the share of the shorter one's characters that stand in the longer one in order, from three characters on:
      市一院 and 云泽市第一人民医院.
    """
    shorter = min(len(one), len(other))
    best = fuzz.ratio(one, other)
    if " " in one or " " in other:
        best = max(best, fuzz.token_sort_ratio(one, other))
    if 1 < shorter < max(len(one), len(other)):
        best = max(best, _PART * fuzz.partial_ratio(one, other))
    if shorter >= _SHORTEST_ABBREVIATION:
        best = max(best, _IN_ORDER * 100 * LCSseq.similarity(one, other) / shorter)
    return best


class Candidates:
    """Known texts that can be searched for the nearest ones."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._folded = [folded(text) for text in texts]
        grams = [_grams(text) for text in self._folded]
        self._vocabulary = {gram: place for place, gram in enumerate(sorted(set().union(*grams)))} if grams else {}
        found = _incidence(grams, self._vocabulary)
        frequency = np.asarray(found.sum(axis=0)).ravel()
        self._rarity = np.log1p(len(texts) / np.maximum(frequency, 1)).astype(np.float32)
        self._weight = found @ self._rarity
        self._columns = sparse.csc_array(found.T)

    def nearest(self, wordings: Sequence[str], most: int, least: float) -> list[list[tuple[int, float]]]:
        """Per wording up to `most` candidates (position, score) with a score of at least `least`, best first.

        Of equal scores the candidate that was given first comes first.
        """
        texts = [folded(wording) for wording in wordings]
        result: list[list[tuple[int, float]]] = []
        for start in range(0, len(texts), CHUNK):
            part = texts[start : start + CHUNK]
            for text, near in zip(part, self._preselected(part), strict=True):
                scored = [(place, score(text, self._folded[place])) for place in near]
                kept = [one for one in scored if one[1] >= least]
                result.append(sorted(kept, key=lambda one: (-one[1], one[0]))[:most])
        return result

    def _preselected(self, texts: Sequence[str]) -> list[list[int]]:
        """The candidates that share most: the mean of the shares of both, weighted by rarity."""
        if not self._vocabulary:
            return [[] for _ in texts]
        grams = [_grams(text) for text in texts]
        found = _incidence(grams, self._vocabulary)
        # What a wording has and no candidate has counts as if one had it.
        unknown = np.array([sum(gram not in self._vocabulary for gram in one) for one in grams], dtype=np.float32)
        weight = found @ self._rarity + unknown * np.float32(np.log1p(len(self._folded)))
        scaled = sparse.csr_array(found.multiply(self._rarity[np.newaxis, :]))
        shared = sparse.csr_array(scaled @ self._columns)
        chosen = []
        for row in range(len(texts)):
            begin, end = shared.indptr[row], shared.indptr[row + 1]
            places, common = shared.indices[begin:end], shared.data[begin:end]
            likeness = common / np.maximum(weight[row], 1e-9) + common / self._weight[places]
            if len(places) > NEAREST:
                likeness = np.round(likeness, 4)  # so that ties are ties on every machine
                cut = np.partition(likeness, len(places) - NEAREST)[len(places) - NEAREST]
                above, level = np.flatnonzero(likeness > cut), np.flatnonzero(likeness == cut)
                level = level[np.argsort(places[level], kind="stable")][: NEAREST - len(above)]
                places = places[np.concatenate([above, level])]
            chosen.append(sorted(places.tolist()))
        return chosen


def _grams(text: str) -> set[str]:
    bare = text.replace(" ", "")
    return {*bare, *(bare[place : place + 2] for place in range(len(bare) - 1))}


def _incidence(grams: Sequence[set[str]], vocabulary: dict[str, int]) -> sparse.csr_array:
    rows = [sorted(vocabulary[gram] for gram in one if gram in vocabulary) for one in grams]
    starts = np.cumsum([0, *map(len, rows)])
    places = np.array([place for row in rows for place in row], dtype=np.int32)
    ones = np.ones(len(places), dtype=np.float32)
    return sparse.csr_array((ones, places, starts), shape=(len(rows), len(vocabulary)))
