"""docs/recipes.md is run as it stands: both scripts, and the comparison of all learning rates."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxsched

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "recipes.md").read_text()
RECIPES = {
    title: re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for title, text in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def test_there_are_four():
    assert len(RECIPES) == 4
    assert all(len(blocks) == 3 for blocks in RECIPES.values())


@pytest.mark.parametrize("title", RECIPES)
def test_recipe(title):
    pytest.importorskip("transformers", reason="transformers is not installed")
    names = {}
    # As users have it: Optax does not work under strict promotion.
    with jax.numpy_dtype_promotion("standard"):
        for block in RECIPES[title]:
            exec(compile(block, "recipes.md", "exec"), names)
        applies_what_the_schedule_says(names["optimizer"], names["schedule"], names.get("accumulation", 1))
    assert jaxsched.from_torch(names["make_torch_scheduler"]()) == getattr(
        names["schedule"], "schedule", names["schedule"]
    )


def applies_what_the_schedule_says(optimizer, schedule, batches):
    """The first update that is not of size 0, on a gradient that every optimizer here knows how to scale."""
    params = {"w": jnp.zeros((2, 2))}
    state = optimizer.init(params)
    for count in range(3):
        for _ in range(batches):
            updates, state = optimizer.update({"w": jnp.ones((2, 2))}, state, params)
        assert (np.abs(updates["w"]).max() > 0) == (float(schedule.on_host(count)) > 0)


@pytest.mark.parametrize("title", RECIPES)
def test_a_schedule_that_is_another_fails(title):
    """A wrong number in the second script is seen by the third."""
    first, second, third = RECIPES[title]
    wrong = re.sub(
        r"(OneCycleLR\(|LinearLR\(|LinearWithWarmup\(|^    )(0\.5|0\.1|5e-5|3e-4)",
        r"\g<1>0.2",
        second,
        count=1,
        flags=re.MULTILINE,
    )
    assert wrong != second
    names = {}
    with jax.numpy_dtype_promotion("standard"):
        for block in (first, wrong):
            exec(compile(block, "recipes.md", "exec"), names)
        with pytest.raises(AssertionError):
            exec(compile(third, "recipes.md", "exec"), names)
