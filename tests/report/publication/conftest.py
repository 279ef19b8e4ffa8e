from collections.abc import Callable

import pytest

from rnnbench.core.workspace import Workspace
from rnnbench.report.publication.contents import Publication, read_publication
from tests.frozen import PARAMS


@pytest.fixture(scope="session")
def publication(reported: Workspace) -> Publication:
    return read_publication(reported, PARAMS, "ours")


@pytest.fixture(scope="session")
def altered(publication: Publication) -> Callable[..., Publication]:
    """A copy with other fields, and with details changed by a function of name and details."""

    def alter(label: str = "theirs", change=lambda _, details: details, **fields) -> Publication:
        details = {name: change(name, d) for name, d in publication.details.items()}
        return publication.model_copy(update={"label": label, "details": details} | fields)

    return alter
