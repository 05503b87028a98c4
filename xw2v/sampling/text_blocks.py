"""Blocks of text: T consecutive centers and the T + 2c words around them, and CBOW's projection."""

from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from xw2v.kernel import Batch, Projection, Term

__all__ = ["Cbow", "TextBlocks"]

Array = Any


@dataclass(frozen=True, kw_only=True)
class Cbow:
    """CBOW's projection: what hidden vectors are made of context words.

    Parameters
    ----------
    mean : bool
        Their mean; else their sum.
    exact : bool
        Each context word gets its part of the error, which is the gradient; else each gets all
        of it, as in word2vec.c.
    """

    mean: bool = True
    exact: bool = True

    def projection(self, mask: Array, n_contexts: Array) -> Projection:
        """Return the projection of some centers.

        Parameters
        ----------
        mask : array, shape (B, T, M), floating
            1 at the context words of each center, else 0.
        n_contexts : array, shape (B, T), floating
            Their numbers.
        """
        xp = array_namespace(mask)
        if not self.mean:
            return Projection(forward=mask, backward=mask)
        mean = mask / xp.maximum(n_contexts, 1.0)[:, :, None]
        return Projection(forward=mean, backward=mean if self.exact else mask)

    def input_weights(self, projection: Projection, weights: Array, n_contexts: Array) -> Array:
        """Return the weights of the input vectors, (B M,), for those of the hidden ones, (B, T).

        An error of weight w moves a hidden vector by the sum over its inputs of what it takes
        from each (``forward``: together 1, or their number) times what each of them gets of it
        (``backward``).
        """
        xp = array_namespace(weights)
        moved = weights if self.mean else weights * n_contexts
        back = xp.matmul(xp.matrix_transpose(projection.backward), moved[:, :, None])
        return xp.reshape(back, (-1,))


@dataclass(frozen=True, kw_only=True)
class TextBlocks:
    """B blocks of text that a batch is made of.

    Parameters
    ----------
    words : array, shape (B, T + 2c), int32
        The centers with the c = window words before and after them.
    mask : array, shape (B, T, T + 2c), float32
        1 at the context words of each center, else 0.
    n_contexts : array, shape (B, T), float32
        Their numbers; 0 for padding.
    before : array, shape (B, T), int16
        How many of them stand before the center.
    window : int
        Largest distance c of a context word.
    """

    words: Array
    mask: Array
    n_contexts: Array
    before: Array
    window: int

    def part(self, start: int, stop: int) -> "TextBlocks":
        """Return blocks `start` to `stop`, as views."""
        return TextBlocks(
            words=self.words[start:stop, :],
            mask=self.mask[start:stop, ...],
            n_contexts=self.n_contexts[start:stop, :],
            before=self.before[start:stop, :],
            window=self.window,
        )

    @property
    def centers(self) -> Array:
        """The centers, (B, T)."""
        return self.words[:, self.window : self.words.shape[1] - self.window]

    def predictions(self, cbow: Cbow | None) -> Array:
        """Return how many words each hidden vector predicts, (B, T).

        Parameters
        ----------
        cbow : Cbow or None
            None for skip-gram, where a center predicts its context words.
        """
        if cbow is None:
            return self.n_contexts
        xp = array_namespace(self.n_contexts)
        return xp.minimum(self.n_contexts, xp.ones_like(self.n_contexts))

    def positives(self, cbow: Cbow | None, *, softmax: bool = False) -> Term:
        """Return the term of what the hidden vectors of the centers predict.

        Parameters
        ----------
        cbow : Cbow or None
            None for skip-gram.
        softmax : bool
            Under the softmax head.
        """
        xp = array_namespace(self.words)
        if cbow is not None:
            weights = xp.reshape(self.predictions(cbow), (-1, 1))
            targets = xp.reshape(self.centers, (-1, 1))
            return Term(
                targets=targets,
                labels=1.0,
                weights=weights[:, None, :],
                target_weights=weights,
                softmax=softmax,
            )
        each = xp.ones_like(self.n_contexts[:1, :])
        return Term(
            targets=self.words,
            labels=1.0,
            weights=self.mask,
            # A sum over the centers; as a product it is several times faster.
            target_weights=xp.matmul(each, self.mask)[:, 0, :],
            softmax=softmax,
        )

    def batch(
        self, cbow: Cbow | None, terms: tuple[Term, ...], logits: Array | float, parts: int
    ) -> Batch:
        """Return the batch whose hidden vectors are those of the centers.

        Parameters
        ----------
        cbow : Cbow or None
            None for skip-gram.
        terms : tuple of Term
        logits : array, shape (B, T), or float
            Weight of all logits of one prediction.
        parts : int
            Into how many parts it can be cut.
        """
        xp = array_namespace(self.words)
        predictions = self.predictions(cbow)
        if cbow is None:
            inputs, projection = self.centers, None
            weights = predictions * logits
        else:
            inputs, projection = self.words, cbow.projection(self.mask, self.n_contexts)
            weights = cbow.input_weights(projection, predictions * logits, self.n_contexts)
        return Batch(
            inputs=xp.reshape(inputs, (-1,)),
            input_weights=xp.reshape(weights, (-1,)),
            predictions=xp.reshape(predictions, (-1,)),
            terms=terms,
            projection=projection,
            parts=parts,
        )
