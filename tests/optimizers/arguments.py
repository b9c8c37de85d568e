"""Whatever PyTorch's optimizers take that changes the numbers, as strategies."""

from hypothesis import strategies as st

flags = st.booleans()


def between(least, most):
    return st.floats(least, most, allow_subnormal=False)


def some(least, most):
    """Zero, or something within."""
    return st.one_of(st.just(0.0), between(least, most))


rate = between(1e-4, 0.5)
eps = st.sampled_from([1e-10, 1e-8, 1e-3, 0.1])
# At b2 = 0 an update divides by the gradient itself, and with a weight decay one bit of the parameters
# changes all that follows, in PyTorch, too.
betas = st.tuples(some(0.1, 0.99), between(0.3, 0.9999))
decay = some(1e-4, 0.3)


@st.composite
def sgd(draw):
    momentum = draw(some(0.1, 0.99))
    nesterov = bool(momentum) and draw(flags)
    return {
        "lr": draw(rate),
        "momentum": momentum,
        "dampening": 0.0 if nesterov else draw(some(0.1, 1.0)),
        "nesterov": nesterov,
        "weight_decay": draw(decay),
        "maximize": draw(flags),
    }


def of(**strategies):
    common = {"lr": rate, "weight_decay": decay, "maximize": flags}
    return st.fixed_dictionaries({**common, **strategies})


def without(strategy, *names):
    return strategy.map(lambda found: {key: x for key, x in found.items() if key not in names})


ARGUMENTS = {
    "SGD": sgd(),
    "Adam": of(betas=betas, eps=eps, amsgrad=flags, decoupled_weight_decay=flags),
    "AdamW": of(betas=betas, eps=eps, amsgrad=flags),
    "NAdam": of(betas=betas, eps=eps, momentum_decay=some(1e-4, 0.1), decoupled_weight_decay=flags),
    "RAdam": of(betas=betas, eps=eps, decoupled_weight_decay=flags),
    "Adamax": of(betas=betas, eps=eps),
    # At alpha = 0 what is centered is the rounding of a difference of equal numbers.
    "RMSprop": of(alpha=between(0.3, 0.999), eps=eps, momentum=some(0.1, 0.99), centered=flags),
    "Adagrad": of(lr_decay=some(1e-4, 0.1), initial_accumulator_value=some(0.01, 1.0), eps=eps),
    "Adadelta": of(rho=between(0.3, 0.999), eps=st.sampled_from([1e-8, 1e-6, 1e-2])),
    "Rprop": without(
        of(
            etas=st.tuples(between(0.1, 0.9), between(1.1, 2.0)),
            step_sizes=st.tuples(between(1e-6, 0.01), between(0.1, 50.0)),
        ),
        "weight_decay",
    ),
    "ASGD": of(lambd=some(1e-4, 0.1), alpha=between(0.1, 1.0), t0=st.sampled_from([0.0, 1.0, 100.5, 1e6])),
    "Adafactor": of(
        beta2_decay=between(-1.0, -0.1),
        eps=st.tuples(st.sampled_from([None, 1e-8, 1e-3]), st.sampled_from([1e-3, 0.1])),
        d=between(1.0, 3.0),
    ),
    "Muon": without(
        of(
            momentum=some(0.1, 0.99),
            nesterov=flags,
            ns_coefficients=st.sampled_from([(3.4445, -4.775, 2.0315), (1.5, -0.5, 0.0)]),
            eps=st.sampled_from([1e-7, 0.1]),
            ns_steps=st.integers(0, 6),
            adjust_lr_fn=st.sampled_from([None, "original", "match_rms_adamw"]),
        ),
        "maximize",
    ),
}

ALL = {"weight_decay": 0.05, "maximize": True, "lr": 0.03}
CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {**ALL, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {**ALL, "momentum": 0.9, "nesterov": True}),
    ("Adam", {**ALL, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("Adam", {**ALL, "amsgrad": True}),
    ("Adam", {**ALL, "amsgrad": True, "decoupled_weight_decay": True}),
    ("Adam", {**ALL, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {**ALL, "amsgrad": True, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("NAdam", {**ALL, "betas": (0.8, 0.95), "momentum_decay": 0.02, "eps": 1e-3}),
    ("NAdam", {**ALL, "decoupled_weight_decay": True}),
    ("RAdam", {**ALL, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("RAdam", {**ALL, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1, "betas": (0.9, 0.6)}),  # too short an average ever to be rectified
    ("Adamax", {**ALL, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("RMSprop", {"lr": 0.1}),
    ("RMSprop", {**ALL, "momentum": 0.9, "centered": True, "alpha": 0.9, "eps": 1e-3}),
    ("Adagrad", {**ALL, "lr_decay": 0.01, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("Adadelta", {**ALL, "rho": 0.8, "eps": 1e-3}),
    ("Rprop", {"lr": 0.1, "maximize": True, "etas": (0.4, 1.5), "step_sizes": (0.01, 0.5)}),
    ("Rprop", {"lr": 5.0, "step_sizes": (0.01, 0.5)}),  # a first step that is bounded
    ("ASGD", {**ALL, "lambd": 0.01, "alpha": 0.5, "t0": 50}),
    ("Adafactor", {"lr": 0.1}),
    ("Adafactor", {**ALL, "beta2_decay": -0.5, "eps": (1e-3, 0.5), "d": 1.5}),
]
"""Each argument at least once, away from its default."""
