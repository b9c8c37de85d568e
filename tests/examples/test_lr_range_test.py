"""The range test applies the rates it says, and finds where a known curve falls fastest."""

import lr_range_test
import numpy as np
import pytest

import jaxsched


@pytest.mark.parametrize(
    ("growth", "schedule"),
    [
        ("exponential", jaxsched.ExponentialLR(0.001, gamma=1000 ** (1 / 59))),
        ("linear", jaxsched.LinearLR(1.0, start_factor=0.001, end_factor=1.0, total_iters=59)),
    ],
)
def test_the_rates_grow_from_one_end_to_the_other(growth, schedule, tmp_path, capsys):
    options = ["--growth", growth, "--from", "0.001", "--to", "1", "--updates", "60"]
    found = lr_range_test.main([*options, "--out", str(tmp_path)])
    counts = np.arange(len(found.rates))
    np.testing.assert_array_equal(found.rates.astype(np.float32), schedule.on_host(counts))
    assert found.rates[0] == np.float32(0.001)
    assert found.rates[-1] == pytest.approx(1.0, rel=1e-6)
    assert 0.001 < found.suggestion < found.minimum <= 1
    assert found.losses.min() < found.losses[0] / 2
    assert (tmp_path / "lr_range_test.png").stat().st_size > 10_000
    assert f"Suggested learning rate: {found.suggestion:.3g}" in capsys.readouterr().out.splitlines()[-1]


def test_the_suggestion_is_the_steepest_descent():
    rates = np.logspace(-4, 1, 501)
    # A fall that is steepest at 0.1, its bottom at 1, and a rise.
    losses = -np.tanh(2 * (np.log10(rates) + 1)) + 5 * np.maximum(np.log10(rates), 0)
    suggestion, minimum = lr_range_test.suggest(rates, losses)
    assert suggestion == pytest.approx(0.1, rel=0.03)
    assert minimum == pytest.approx(1.0, rel=0.03)


def test_smoothing_keeps_a_constant():
    np.testing.assert_allclose(lr_range_test.smoothed(np.full(30, 2.5)), 2.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "1", "--to", "0.1"], "--from, --to: must be 0 < FROM < TO, got 1 and 0.1."),
        (["--updates", "3"], "--updates: must be at least 10, got 3."),
    ],
)
def test_bad_options(options, message, capsys):
    with pytest.raises(SystemExit):
        lr_range_test.main(options)
    assert message in capsys.readouterr().err
