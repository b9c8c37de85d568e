"""PyTorch's optimizers that have no equal in Optax, as Optax transformations.

Each takes its learning rate first, as Optax's own do: a number, an array or a schedule. What PyTorch's
optimizer does to the gradients first is a part of a chain: ``optax.scale(-1.0)`` for ``maximize``, and
``optax.add_decayed_weights`` for a weight decay that is not decoupled. `optimizer_from_torch` puts them
together.
"""

from .adafactor import adafactor as adafactor
from .adagrad import adagrad as adagrad
from .adam import adam as adam
from .asgd import asgd as asgd
from .muon import muon as muon
from .nadam import nadam as nadam
from .radam import radam as radam
from .rprop import rprop as rprop
from .scheduled import scheduled as scheduled
from .sgd import sgd as sgd

for _public in [value for name, value in vars().items() if not name.startswith("_")]:
    if hasattr(_public, "__qualname__"):
        _public.__module__ = __name__
del _public
