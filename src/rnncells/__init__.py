"""Recurrent layers for Keras that it does not have itself.

Each one is used as keras.layers.LSTM, including masks, Bidirectional, return_sequences, and saving;
its module has the equations and their source. The package needs Keras only.
"""

from rnncells.janet import JANET
from rnncells.layer_norm_lstm import LayerNormLSTM
from rnncells.lru import LRU
from rnncells.min_gru import MinGRU
from rnncells.qrnn import QRNN
from rnncells.slstm import SLSTM
from rnncells.word_qrnn import WordQRNN

__all__ = ["JANET", "LRU", "QRNN", "SLSTM", "LayerNormLSTM", "MinGRU", "WordQRNN"]
