"""Callbacks: what runs between the steps and epochs of training. Hooks and names are Keras's.

An epoch stays in compiled code, in pieces of some 50 ms. A callback that defines a hook of batches
(`wants_batches` says which) makes every step a call of its own, some 20 µs each; hooks of epochs,
and `on_train_chunk_end`, which comes after each piece, cost next to nothing.
"""

from graphdl.callbacks.base import Callback, Reported
from graphdl.callbacks.checkpoint import ModelCheckpoint
from graphdl.callbacks.csv_logger import CSVLogger
from graphdl.callbacks.early_stopping import EarlyStopping
from graphdl.callbacks.functions import LambdaCallback
from graphdl.callbacks.monitor import MonitorCallback
from graphdl.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from graphdl.callbacks.several import CallbackList, History
from graphdl.callbacks.terminate import TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "ReduceLROnPlateau",
    "Reported",
    "TerminateOnNaN",
]
