"""One loop in NumPy, with whatever is to be changed of it: linear regression by gradient descent."""

import math

import numpy as np

import parity

RNG = np.random.default_rng(0)
START = {"a": RNG.normal(size=(4, 3)), "b": RNG.normal(size=3)}
BATCHES = [(RNG.normal(size=(8, 4)), RNG.normal(size=(8, 3))) for _ in range(60)]


def twin(
    *,
    start=START,
    batches=BATCHES,
    loss_is=lambda loss: loss,
    gradient_is=lambda gradient: gradient,
    lr_is=lambda k: 0.1 * 0.97**k,
    momentum=0.9,
    decay=0.0,
    update_is=lambda k, update: update,
    tells=(),
    hides=(),
    dtype=np.float64,
):
    """A function that makes a twin: linear regression by gradient descent with momentum."""

    def make():
        weights = {name: np.array(w, dtype) for name, w in start.items()}
        velocity = {name: np.zeros_like(w) for name, w in weights.items()}
        for k, (x, y) in enumerate(batches):
            told = {"batch": (x, y), "lr": lr_is(k), "momentum": momentum}
            told |= {"initial_weights": {n: w.copy() for n, w in weights.items()}} if k == 0 else {}
            x, y = x.astype(dtype), y.astype(dtype)
            residual = x @ weights["a"] + weights["b"] - y
            told["loss"] = float(loss_is((residual**2).mean(dtype=dtype)))
            gradient = {"a": x.T @ residual / dtype(12), "b": residual.sum(axis=0) / dtype(12)}
            gradient = gradient_is(gradient)
            told["gradient_norm"] = math.sqrt(sum((g**2).sum() for g in gradient.values()))
            for name in weights:
                velocity[name] = dtype(momentum) * velocity[name] + gradient[name]
                update = update_is(k, velocity[name] + dtype(decay) * weights[name])
                weights[name] = weights[name] - dtype(lr_is(k)) * update
            told["weights"] = weights
            told |= {name: value(k) for name, value in tells}
            yield {name: value for name, value in told.items() if name not in hides}

    return make


def compared(theirs=None, steps=40, **changes):
    return parity.compare_training(theirs or twin(), twin(**changes), steps=steps)


def scaled(gradient):
    return {name: 0.5 * g for name, g in gradient.items()}
