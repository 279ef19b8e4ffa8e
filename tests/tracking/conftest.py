import pytest

from rnnbench import models
from rnnbench.core.workspace import Workspace
from rnnbench.data.format import read_meta
from tests.frozen import PARAMS


@pytest.fixture
def trained(results: Workspace, monkeypatch) -> Workspace:
    """Two variants have models of three replicates each, with their first weights."""
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(variable, raising=False)
    for name in ("imdb_embedding_lstm", "imdb_embedding_gru"):
        settings = PARAMS.variant(name)
        meta = read_meta(results.prepared(settings.dataset))
        for replicate in range(3):
            model = models.load("keras").model_class().build(settings, meta, 42 + replicate)
            model.save(results.model(name, replicate, ".keras"))
    return results
