"""The sweep trains each configuration as if it were alone, and compiles once."""

import numpy as np
import pytest
import sweep

from jaxsched import ExponentialLR


def test_each_configuration_has_its_schedule(tmp_path, capsys, compilations):
    found = sweep.main(["--epochs", "3", "--out", str(tmp_path)])

    updates, configurations = found.lr.shape
    assert configurations == 64
    assert found.loss.shape == (3, 64)
    lrs, gammas = (np.asarray(x) for x in (found.schedules.base_lr, found.schedules.gamma))
    assert len(set(zip(lrs.tolist(), gammas.tolist(), strict=True))) == 64
    for i in range(64):
        alone = ExponentialLR(float(lrs[i]), gamma=float(gammas[i]))
        np.testing.assert_array_equal(found.lr[:, i], alone.on_host(range(updates)))
    assert found.loss[-1].min() < 0.4
    assert found.loss[-1, 7] > 1, "the highest learning rate must be too high, or the grid shows no edge"
    assert (tmp_path / "sweep.png").stat().st_size > 10_000
    assert "64 schedules, programs compiled: 1." in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs=0"], "--epochs: must be at least 1, got 0."),
        (["--lowest=3"], "--lowest: must be above 0 and below --highest, got 3.0 and 2.0."),
    ],
)
def test_bad_options(options, message, capsys):
    with pytest.raises(SystemExit):
        sweep.main(options)
    assert message in capsys.readouterr().err
