"""How each number is made: one declaration a method, shown with its numbers and by the API.

``quant.methods.<area>`` declares the methods of an area, ``quant.methods.registry`` knows them all.
Standard library only.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A paper, statute or page that a method follows.

    Attributes:
        citation: Authors, year, title, where published.
        url: DOI or address; None for what has none.
    """

    citation: str
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How one kind of number is made.

    Attributes:
        id: ``<area>.<name>``, stable: clients refer to it.
        version: Changes with whatever changes the numbers.
        title: What it is called in the field.
        estimates: What the number says, in one sentence.
        estimator: The formula or procedure.
        assumptions: What must hold for it to be right.
        standard_errors: How its uncertainty is measured; None where the number is a count.
        null: The hypothesis its p-value is about, and how that is simulated; None without a test.
        multiple_testing: How many tests at once are corrected for; None without a test.
        limits: What it cannot say.
        sources: What it follows.
    """

    id: str
    version: str
    title: str
    estimates: str
    estimator: str
    assumptions: tuple[str, ...]
    standard_errors: str | None
    null: str | None
    multiple_testing: str | None
    limits: tuple[str, ...]
    sources: tuple[Source, ...]

    @property
    def area(self) -> str:
        """The area, which is also the name of its page in ``docs/methods/``."""
        return self.id.partition(".")[0]

    def reference(self) -> dict[str, str | None]:
        """Return what an answer says of the method behind its numbers."""
        return {
            "id": self.id,
            "version": self.version,
            "title": self.title,
            "estimator": self.estimator,
            "standard_errors": self.standard_errors,
            "null": self.null,
            "multiple_testing": self.multiple_testing,
        }
