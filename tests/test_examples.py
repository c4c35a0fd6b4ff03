"""The examples run as a reader runs them, and print what they teach."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

# lesson -> regular expressions, each found in what it prints; a group is a number at least 0.9
LESSONS = {
    "01_why_now": [
        r"Epoch 10/10 - 15/15 .* val_accuracy",
        r"Total params: 513",
        r"test accuracy (\d\.\d{4})",
        r"hidden unit \d+: relu\(.*\(.*\) …\), with weight",
        r"the generated code: .*step_\w+\.py",
    ],
    "02_perceptron": [
        r"as a sum:      ŷ = sigmoid\(w0 \+ sum\(x\*w\)\)",
        r"z = -6 as a sum, -6 as a product, -6 with an input of 1",
        r"z = 1 \+ 3\*x1 - 2\*x2",
        r"z = -6\.00   ŷ = 0\.002   z < 0",
        r"ŷ = 0\.500   on the line",
        r"meets the x1 axis at -0\.333333; meets the x2 axis at 0\.5",
        r"lies 1\.6641 away",
    ],
    "03_activations": [
        r"sigmoid: .* g′ = g\*\(1 - g\)",
        r"tanh: .* g′ = 1 - g\*\*2",
        r"relu: .* g′ = where\(g > 0, 1, 0\)",
        r"g\(0\) = 0\.5; .* = 0\.002467",
        r"swish\(1\.0\) = 0\.731059",
        r"swish′\(z\) = .*sigmoid\(z\)",
        r"swish\(−1000\) = -?0\.0$",
    ],
    "04_nonlinearity": [
        r"linear: 0\.5\d\d right",
        r"collapse into one linear layer",
        r"= x @ W \+ b$",
        r"warning: linear layers collapse",
        r"swish: (\d\.\d{4}) right",
    ],
    "05_dense_layers": [
        r"my_dense_layer \(MyDenseLayer\)",
        r"from scratch: (\d\.\d{4})",
        r"largest difference from gd.layers.Dense: 0$",
        r"3 inputs, 2 units: 8 weights",
    ],
    "06_networks": [
        r"of shape \(batch, 2\)",
        r"m = 3, n = 5: 32 weights",
        r"warning: linear layers collapse",
        r"z4 = relu\(z3\) @ W4 \+ b4",
        r"Total params: 970",
    ],
    "07_will_i_pass": [
        r"before training: 0\.\d\d",
        r"after training: 0\.\d\d",
        r"lectures attended",
        r"h3 = tanh\(",
    ],
    "08_loss": [
        r"loss 2\.302585 = −log 0\.1",
        r"its variables: \['W'\]",
        r"three students: 1\.474283, by the formula 1\.474283",
        r"at z = −1000, y = 1: 1000\.0",
        r"refused: .*softmax of a single unit is 1",
        r"mean squared error: 2433\.33",
        r"by its name:        2433\.33",
    ],
    "09_gradient_descent": [
        r"88 steps: w0 = 0\.509523, w1 = 1\.986940, J = 0\.010046",
        r"J over change of w\[0\] and change of w\[1\]",
        r"converged after 88 steps: J = 0\.0100458",
        r"closed form after 1 steps: J = 0\.0100458",
        r"J falls by 8\.8446e-06, promised 8\.8446e-06",
    ],
    "10_backpropagation": [
        r"∂J/∂w2 = ∂J/∂ŷ · ∂ŷ/∂w2",
        r"∂J/∂w1 = ∂J/∂ŷ · ∂ŷ/∂z1 · ∂z1/∂w1",
        r"∂J/∂ŷ = \[-2\.863505\]",
        r"∂J/∂w2 = -2\.863505 · 0\.141463\d = -0\.405082\d",
        r"∂ŷ/∂z1 = \[-0\.053408\d+\]",
        r"changes J by 0\.152935 times",
        r"all \d steps are right",
        r"∂J/∂W1 = xᵀ @ δ_z1",
        r"∂J/∂W1\[0, 2\] = Σ_i\(x\[i, 0\]\*δ_z1\[i, 2\]\)",
        r"weight by weight, along all paths",
        r"right — equal at 12 random examples",
        r"first wrong factor: ∂h1/∂z1",
    ],
    "11_learning_rates": [
        r"λmax = 1, so 2/λmax = 2 \(exact Hessian\)",
        r"2\.1 .*6890\.31 .*large: each step overshoots",
        r"the best of nine rates: (0\.986)",
        r"falls fastest at 0\.\d+",
        r"J over first random direction and second random direction",
    ],
    "12_adaptive_optimizers": [
        r"SGD: .* to 0\.999000000",
        r"Adam: .* to 0\.999000032",
        r"Adadelta: .* to 0\.999998586",
        r"Adagrad: .* to 0\.999698489",
        r"RMSprop: .* to 0\.996837880",
        r"after 40 steps",
        r"SGD: effective rates .* 0\.01 to 0\.01",
    ],
    "13_putting_it_together": [
        r"tape:        J = 0\.693147 at first, 0\.08875\d at step 200",
        r"mathematics: J = 0\.693147 at first, 0\.08875\d at step 200",
        r"fit:         J = 0\.693147 at first, 0\.08875\d at step 200",
        r"∂J/∂W = xᵀ @ ",
        r"the generated code: .*function_\w+\.py",
        r"loop and fit differ by \d\.\de-0[789]",
        r"accuracy at the end: (\d\.\d{4})",
    ],
    "14_mini_batches": [
        r"operations of one gradient: 323·n \+ 2",
        r"of 800 examples: 258,402",
        r"of   1 examples: 325",
        r"mean of all single gradients − ∇J: \d\.\de-0[67]",
        r"examples/s",
        r"batches of   32:   25 steps",
        r"batches of 1000:    1 steps",
    ],
    "15_overfitting": [
        r" 1 │ +5 │.* underfits",
        r" 4 │ +17 │.* ideal",
        r" 64 │ +257 │.* overfits",
        r"an L2 penalty: 0\.1\*sum\(W\*\*2\)   its gradient: 0\.1\*2\*W",
        r"inference: \[1\.0(?:, 1\.0){7}\]",
        r"early stopping │ +\d{3} ",
    ],
    "16_save_and_resume": [
        r"students\.safetensors: \d+ bytes",
        r"the same to the bit: True",
    ],
}
FILES = sorted(EXAMPLES.glob("[0-9]*.py"))


def test_every_example_is_tested():
    assert sorted(LESSONS) == [path.stem for path in FILES]


def test_the_index_names_every_example():
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\w+)\.py\)", index) == sorted(LESSONS)


def cells(text):
    """[(kind, lines)] of a script in jupytext's percent format: each cell begins with "# %%"."""
    first, *rest = re.split(r"^# %%", text, flags=re.MULTILINE)
    assert not first, "a lesson begins with a cell"
    heads = [cell.partition("\n") for cell in rest]
    return [(head.strip(), body.strip().splitlines()) for head, _, body in heads]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_lesson_is_a_notebook_too(path):
    found = cells(path.read_text(encoding="utf-8"))
    assert found[0][0] == "[markdown]" and found[0][1][0].startswith("# # ")
    for kind, lines in found:
        assert lines, "an empty cell"
        if kind == "[markdown]":
            assert all(line == "#" or line.startswith("# ") for line in lines), lines
        else:
            assert kind == "" and any(not line.startswith("#") for line in lines), lines
            compile("\n".join(lines), path.name, "exec")  # a cell holds whole statements
    kinds = [kind for kind, _ in found]
    assert kinds.count("") >= 3 and kinds.count("[markdown]") >= 2


def test_pictures_are_drawn_where_they_are_asked_for(tmp_path):
    pytest.importorskip("matplotlib")
    run(EXAMPLES / "03_activations.py", tmp_path, PICTURES=str(tmp_path / "made"))
    made = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert made == ["activation_relu.png", "activation_sigmoid.png", "activation_tanh.png"]


@pytest.mark.parametrize("name", LESSONS)
def test_an_example_prints_what_it_teaches(name, tmp_path):
    if "gd.datasets.load_" in (EXAMPLES / f"{name}.py").read_text(encoding="utf-8"):
        pytest.importorskip("sklearn")
    printed = run(EXAMPLES / f"{name}.py", tmp_path)
    assert not any(tmp_path.iterdir())  # a lesson leaves nothing behind
    for lesson in LESSONS[name]:
        found = re.search(lesson, printed, re.MULTILINE)
        assert found, f"{lesson!r} is not in:\n{printed}"
        assert all(float(number) >= 0.9 for number in found.groups()), found[0]


def test_the_programs_of_the_readme_run_as_they_stand(tmp_path):
    pytest.importorskip("sklearn")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 5
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    printed = run(script, tmp_path)
    gradient = re.search(r"print\(dW\) +# (.*)", readme)[1]
    assert gradient in printed.splitlines()
    assert "bce∘sigmoid: δ = ŷ − y" in printed
    assert re.search(r"^0\.0886", printed, re.MULTILINE)
    assert "sequential: nothing found" in printed
    assert "2/λmax = 2 (exact Hessian)" in printed


def run(script, folder, **extra):
    """What the script prints; it must end well and warn of nothing."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **extra}
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout
