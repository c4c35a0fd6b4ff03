"""The examples run as a reader runs them, and print what they teach."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

# example -> regular expressions, each found in what it prints; a group is a number at least 0.9
LESSONS = {
    "01_perceptron": [
        r"z = 1 \+ 3\*x1 - 2\*x2",
        r"z = -6\.00   ŷ = 0\.002   z < 0",
        r"ŷ = 0\.500   on the line",
        r"g\(−6\) = 0\.002, .* = 0\.002467",
    ],
    "02_will_i_pass": [
        r"before training: 0\.\d\d",
        r"after training:  0\.\d\d",
        r"lectures attended",
    ],
    "03_lecture_program": [
        r"Epoch 10/10 - 15/15 .* val_accuracy",
        r"Total params: 513",
        r"test accuracy (\d\.\d{4})",
    ],
    "04_formula_as_activation": [
        r"swish\(1\.0\) = 0\.731059",
        r"derivative, .*: .*sigmoid\(z\)",
        r"swish\(−1000\) = -?0\.0$",
        r"read with swish: \d\d\.\d% right",
    ],
    "05_layer_from_scratch": [
        r"my_dense_layer \(MyDenseLayer\)",
        r"from scratch: (\d\.\d{4})",
        r"largest difference from gd.layers.Dense: 0$",
    ],
    "06_training_loop_by_hand": [
        r"∂J/∂W = xᵀ @ ",
        r"step   0   J = 0\.6931",
        r"test accuracy (\d\.\d{4})",
        r"the generated code: .*function_\w+\.py",
    ],
    "07_read_the_gradient": [
        r"∂J/∂w2 = ∂J/∂ŷ · ∂ŷ/∂w2",
        r"∂J/∂w1 = ∂J/∂ŷ · ∂ŷ/∂z1 · ∂z1/∂w1",
        r"∂J/∂ŷ = \[-2\.863505\]",
        r"∂J/∂w2 = \[-0\.405082\d\]",
        r"∂ŷ/∂z1 = \[-0\.053408\d+\]",
        r"changes J by 0\.152935 times",
    ],
}


def test_every_example_is_tested():
    assert sorted(LESSONS) == sorted(path.stem for path in EXAMPLES.glob("*.py"))


def test_the_index_names_every_example():
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\w+)\.py\)", index) == sorted(LESSONS)


@pytest.mark.parametrize("name", LESSONS)
def test_an_example_prints_what_it_teaches(name, tmp_path):
    if "gd.datasets.load_" in (EXAMPLES / f"{name}.py").read_text(encoding="utf-8"):
        pytest.importorskip("sklearn")
    printed = run(EXAMPLES / f"{name}.py", tmp_path)
    for lesson in LESSONS[name]:
        found = re.search(lesson, printed, re.MULTILINE)
        assert found, f"{lesson!r} is not in:\n{printed}"
        assert all(float(number) >= 0.9 for number in found.groups()), found[0]


def test_the_programs_of_the_readme_run_as_they_stand(tmp_path):
    pytest.importorskip("sklearn")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 2
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    printed = run(script, tmp_path)
    gradient = re.search(r"print\(dW\) +# (.*)", readme)[1]
    assert gradient in printed.splitlines()
    assert "bce∘sigmoid: δ = ŷ − y" in printed
    assert re.search(r"^0\.0886", printed, re.MULTILINE)


def run(script, folder):
    """What the script prints; it must end well and warn of nothing."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout
