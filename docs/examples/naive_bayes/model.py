import numpy as np

from rnnbench.data.format import Meta
from rnnbench.models.base import ArrayModel, Epoch, require


class Model(ArrayModel):
    def __init__(self, meta, logs):
        self.meta, self.logs = meta, logs  # log probabilities, shape (words, classes)

    @classmethod
    def build(cls, settings, meta, seed):
        suits = meta.shape == (None,) and meta.target == "classes"
        require((suits, "naive_bayes reads whole texts of three classes or more", "no length"))
        return cls(meta, np.zeros((meta.vocabulary_size, len(meta.classes))))

    of = classmethod(lambda cls, a: cls(Meta.model_validate_json(a["meta"].item()), a["logs"]))
    arrays = lambda self: {"meta": self.meta.model_dump_json(), "logs": self.logs}
    parameters = property(lambda self: self.logs.size)
    summary = lambda self: f"naive Bayes, words and classes: {self.logs.shape}"

    def fit(self, settings, seed, train, unseen, on_epoch, done=0):
        counts = np.full(self.logs.shape, settings.alpha)
        np.add.at(counts, (train.x.values, np.repeat(train.y, train.x.lengths)), 1)
        self.logs = np.log(counts / counts.sum(axis=0))
        on_epoch(Epoch.scored(1, self.meta, self.predict(train.x), train.y, self.predict(unseen)))

    def predict(self, x):
        sums = np.zeros((len(x), len(self.meta.classes)))
        np.add.at(sums, np.repeat(np.arange(len(x)), x.lengths), self.logs[x.values])
        odds = np.exp(sums - sums.max(axis=1, keepdims=True))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
