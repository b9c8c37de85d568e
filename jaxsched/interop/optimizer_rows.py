"""PyTorch's optimizers and what equals them: a row for each class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .optimizer_calls import Call, Name

Options: TypeAlias = Mapping[str, Any]
"""A parameter group's, with ``b1`` and ``b2`` for ``betas``, and a `Name` for what changes."""

Saved: TypeAlias = Mapping[str, Any]
"""What PyTorch keeps for a parameter."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One class of PyTorch."""

    parts: Callable[[Options], list[Call]]
    """The parts of a chain that equals it."""
    options: tuple[str, ...]
    """All of a parameter group that changes the numbers, beside ``lr``."""
    moments: Mapping[str, str]
    """Of each field of the state like the parameters, what PyTorch calls it."""
    scalars: Mapping[str, str | Callable[[Saved], float]]
    """Of each field with one number, what PyTorch calls it, or how it is told."""


_RATE = Name("learning_rate")


def _before(o: Options, coupled: bool = True) -> list[Call]:
    """What is done to the gradients first."""
    parts = [Call("optax.scale", step_size=-1.0)] if o.get("maximize") else []
    if coupled and o["weight_decay"] != 0:
        parts.append(Call("optax.add_decayed_weights", weight_decay=o["weight_decay"]))
    return parts


def _sgd(o: Options) -> list[Call]:
    named: dict[str, object] = {}
    if o["momentum"] != 0:
        named = {"momentum": o["momentum"], "nesterov": o["nesterov"]}
    if named and (o["dampening"] != 0 or o["momentum_rests"]):
        return [*_before(o), Call("sgd", _RATE, **named, dampening=o["dampening"])]
    return [*_before(o), Call("optax.sgd", _RATE, **named)]


def _moments(o: Options) -> dict[str, object]:
    return {name: o[name] for name in ("b1", "b2", "eps")}


def _adam(o: Options) -> list[Call]:
    decoupled = o["decoupled_weight_decay"]
    decay = {"weight_decay": o["weight_decay"]} if decoupled and o["weight_decay"] != 0 else {}
    if o["amsgrad"]:
        made = Call("adam", _RATE, **_moments(o), **decay, amsgrad=True)
    else:
        made = Call("optax.adamw" if decay else "optax.adam", _RATE, **_moments(o), **decay)
    return [*_before(o, not decoupled), made]


def _adamw(o: Options) -> list[Call]:
    # Before PyTorch 2.6 it was a class of its own, without this option.
    return _adam({"decoupled_weight_decay": True, **o})


def _decoupling(function: str, *names: str) -> Callable[[Options], list[Call]]:
    """NAdam and RAdam, whose weight decay is either."""

    def parts(o: Options) -> list[Call]:
        decoupled = o["decoupled_weight_decay"]
        decay = {"weight_decay": o["weight_decay"]} if decoupled and o["weight_decay"] != 0 else {}
        named = _moments(o) | {name: o[name] for name in names} | decay
        if function == "nadam":
            named |= _scalar_type(o)
        return [*_before(o, not decoupled), Call(function, _RATE, **named)]

    return parts


def _scalar_type(o: Options) -> dict[str, object]:
    return {} if o["scalar_dtype"] == "float32" else {"scalar_dtype": o["scalar_dtype"]}


def _adamax(o: Options) -> list[Call]:
    return [*_before(o), Call("optax.adamax", _RATE, **_moments(o))]


def _rmsprop(o: Options) -> list[Call]:
    # `optax.rmsprop` keeps a momentum of what is scaled already: another optimizer where the rate changes.
    scale = "optax.scale_by_stddev" if o["centered"] else "optax.scale_by_rms"
    parts = [*_before(o), Call(scale, decay=o["alpha"], eps=o["eps"], eps_in_sqrt=False)]
    if o["momentum"] != 0 and o["momentum_rests"]:
        return [*parts, Call("sgd", _RATE, momentum=o["momentum"])]
    if o["momentum"] != 0:
        parts.append(Call("optax.trace", decay=o["momentum"]))
    return [*parts, Call("optax.scale_by_learning_rate", _RATE)]


def _adagrad(o: Options) -> list[Call]:
    named = {name: o[name] for name in ("lr_decay", "initial_accumulator_value", "eps")}
    return [*_before(o), Call("adagrad", _RATE, **named)]


def _adadelta(o: Options) -> list[Call]:
    return [*_before(o), Call("optax.adadelta", _RATE, rho=o["rho"], eps=o["eps"])]


def _rprop(o: Options) -> list[Call]:
    names = ("eta_minus", "eta_plus", "min_step_size", "max_step_size")
    named = dict(zip(names, (*o["etas"], *o["step_sizes"]), strict=True))
    return [*_before(o, False), Call("rprop", _RATE, **named)]


def _asgd(o: Options) -> list[Call]:
    named = {name: o[name] for name in ("lambd", "alpha", "t0")}
    return [*_before(o), Call("asgd", _RATE, **named, **_scalar_type(o))]


def _adafactor(o: Options) -> list[Call]:
    named = {name: o[name] for name in ("beta2_decay", "eps", "d", "weight_decay")}
    if o["spacing"] is not None and o["eps"][0] is None:
        # `scheduled` hands on what has 16 bits as float32, by which it could not tell.
        named["eps"] = (o["spacing"], o["eps"][1])
    return [*_before(o, False), Call("adafactor", _RATE, **named)]


def _muon(o: Options) -> list[Call]:
    return [Call("muon", _RATE, **{name: o[name] for name in ROWS["Muon"].options})]


def _begun(saved: Saved) -> float:
    return float(saved.get("momentum_buffer") is not None)


_STEP = {"count": "step"}
_ADAM = {"mu": "exp_avg", "nu": "exp_avg_sq"}
_AMSGRAD = {**_ADAM, "nu_max": "max_exp_avg_sq"}

ROWS: Mapping[str, Row] = {
    "SGD": Row(
        _sgd,
        ("momentum", "dampening", "weight_decay", "nesterov", "maximize"),
        {"trace": "momentum_buffer"},
        {"count": _begun},
    ),
    "Adam": Row(
        _adam,
        ("betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay"),
        _AMSGRAD,
        _STEP,
    ),
    "AdamW": Row(
        _adamw,
        ("betas", "eps", "weight_decay", "amsgrad", "maximize", "decoupled_weight_decay"),
        _AMSGRAD,
        _STEP,
    ),
    "NAdam": Row(
        _decoupling("nadam", "momentum_decay"),
        ("betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay", "maximize"),
        _ADAM,
        {"count": "step", "mu_product": "mu_product"},
    ),
    "RAdam": Row(
        _decoupling("radam"),
        ("betas", "eps", "weight_decay", "decoupled_weight_decay", "maximize"),
        _ADAM,
        _STEP,
    ),
    "Adamax": Row(
        _adamax, ("betas", "eps", "weight_decay", "maximize"), {"mu": "exp_avg", "nu": "exp_inf"}, _STEP
    ),
    "RMSprop": Row(
        _rmsprop,
        ("alpha", "eps", "weight_decay", "momentum", "centered", "maximize"),
        {"nu": "square_avg", "mu": "grad_avg", "trace": "momentum_buffer"},
        _STEP,
    ),
    "Adagrad": Row(
        _adagrad,
        ("lr_decay", "weight_decay", "initial_accumulator_value", "eps", "maximize"),
        {"sum_of_squares": "sum"},
        _STEP,
    ),
    "Adadelta": Row(
        _adadelta,
        ("rho", "eps", "weight_decay", "maximize"),
        {"e_g": "square_avg", "e_x": "acc_delta"},
        _STEP,
    ),
    "Rprop": Row(
        _rprop, ("etas", "step_sizes", "maximize"), {"step_sizes": "step_size", "prev_updates": "prev"}, _STEP
    ),
    "ASGD": Row(
        _asgd,
        ("lambd", "alpha", "t0", "weight_decay", "maximize"),
        {"ax": "ax"},
        {"count": "step", "eta": "eta", "mu": "mu"},
    ),
    "Adafactor": Row(
        _adafactor,
        ("beta2_decay", "eps", "d", "weight_decay", "maximize"),
        {"row_var": "row_var", "col_var": "col_var", "variance": "variance"},
        _STEP,
    ),
    "Muon": Row(
        _muon,
        ("weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn"),
        {"mu": "momentum_buffer"},
        {},
    ),
}

REFUSED: Mapping[str, str] = {
    "SparseAdam": "It updates only the entries that a sparse gradient has, and gradients of JAX are dense. "
    "Use Adam, which updates all.",
    "LBFGS": "It evaluates the loss several times in an update, at points of its own. Use optax.lbfgs, which "
    "is another optimizer.",
}
