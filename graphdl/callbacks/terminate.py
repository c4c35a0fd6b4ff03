"""Stop when the loss has become NaN or infinite."""

from __future__ import annotations

import math

from graphdl.callbacks.base import Callback, Logs, say
from graphdl.core.errors import NonFiniteError


class TerminateOnNaN(Callback):
    """Ends training when the loss is NaN or infinite, for models compiled with check_finite=False.

    With check_finite=True (the default of `compile`) such a step is refused before it changes a
    weight, by a NonFiniteError that names the equation. This callback looks at the mean loss of the
    epoch after each piece of compiled steps (some 50 ms), so the steps between the bad one and the
    end of its piece are taken; a mean that is not finite stays so, hence none is missed.

    raise_error: raise NonFiniteError instead of setting `model.stop_training`.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = bool(raise_error)

    def on_train_chunk_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if math.isfinite(loss):
            return
        if self.raise_error:
            raise NonFiniteError(f"the loss is {loss} at batch {batch + 1}; training was stopped")
        say(f"Batch {batch}: invalid loss ({loss}), terminating training")
        self.model.stop_training = True
