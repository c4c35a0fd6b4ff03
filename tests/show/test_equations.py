"""The update equations of optimizers: golden forms, and that they are what runs."""

import numpy as np
import pytest

import graphdl as gd
from graphdl.optimizers import schedules

ADAM = """\
m ← m + (g - m)*(1 - β₁)
v ← v + (g**2 - v)*(1 - β₂)
w ← w - η*sqrt(1 - β₂**t)/(1 - β₁**t)*m/(sqrt(v) + ε)
with η = 0.001, β₁ = 0.9, β₂ = 0.999, ε = 1e-07"""

GOLDEN = {
    "SGD": """\
w ← w - η*g
with η = 0.01""",
    "Adam": ADAM,
    "AdamW": "w ← w - w*λ*η\n" + ADAM + ", λ = 0.004",
    "Adamax": """\
m ← m + (g - m)*(1 - β₁)
u ← maximum(β₂*u, abs(g))
w ← w - η/(1 - β₁**t)*m/(u + ε)
with η = 0.001, β₁ = 0.9, β₂ = 0.999, ε = 1e-07""",
    "Nadam": """\
μ = β₁*(1 - 0.5*0.96**t)
Π ← Π*μ
m ← m + (g - m)*(1 - β₁)
v ← v + (g**2 - v)*(1 - β₂)
μ' = β₁*(1 - 0.5*0.96**(t + 1))
w ← w - η*(μ'/(1 - Π*μ')*m + (1 - μ)/(1 - Π)*g)/(sqrt(v/(1 - β₂**t)) + ε)
with η = 0.001, β₁ = 0.9, β₂ = 0.999, ε = 1e-07""",
    "Adagrad": """\
a ← a + g**2
w ← w - η*g/sqrt(a + ε)
with η = 0.001, ε = 1e-07""",
    "Adadelta": """\
a ← ρ*a + (1 - ρ)*g**2
δ = -sqrt(d + ε)*g/sqrt(a + ε)
d ← ρ*d + (1 - ρ)*δ**2
w ← w + η*δ
with η = 0.001, ρ = 0.95, ε = 1e-07""",
    "RMSprop": """\
v ← ρ*v + (1 - ρ)*g**2
w ← w - η*g/sqrt(v + ε)
with η = 0.001, ρ = 0.9, ε = 1e-07""",
    "Ftrl": """\
n' = n + g**2
z ← z + g + 2*s*w - (sqrt(n') - sqrt(n))/η*w
w ← (clip(z, -λ₁, λ₁) - z)/(sqrt(n')/η + 2*(λ₂ + β/(2*η)))
n ← n'
with η = 0.001, λ₁ = 0, λ₂ = 0, s = 0, β = 0""",
    "Lion": """\
w ← w - η*sign(β₁*m + (1 - β₁)*g)
m ← β₂*m + (1 - β₂)*g
with η = 0.001, β₁ = 0.9, β₂ = 0.99""",
}

SETTINGS = {
    "nesterov": (
        lambda: gd.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        """\
v ← μ*v - η*g
w ← w + μ*v - η*g
with η = 0.1, μ = 0.9""",
    ),
    "amsgrad": (
        lambda: gd.optimizers.Adam(amsgrad=True),
        ADAM.replace("w ←", "v̂ ← maximum(v̂, v)\nw ←").replace("sqrt(v)", "sqrt(v̂)"),
    ),
    "centered, momentum": (
        lambda: gd.optimizers.RMSprop(momentum=0.5, centered=True),
        """\
v ← ρ*v + (1 - ρ)*g**2
ḡ ← ρ*ḡ + (1 - ρ)*g
m ← μ*m + η*g/sqrt(v - ḡ**2 + ε)
w ← w - m
with η = 0.001, ρ = 0.9, μ = 0.5, ε = 1e-07""",
    ),
    "schedule": (
        lambda: gd.optimizers.SGD(schedules.CosineDecay(0.1, 100)),
        """\
η = 0.1*0.5*(1 + cos(π*minimum(t - 1, 100)/100))
w ← w - η*g""",
    ),
    "clipvalue": (
        lambda: gd.optimizers.SGD(clipvalue=0.5),
        """\
g ← clip(g, -c, c)
w ← w - η*g
with η = 0.01, c = 0.5""",
    ),
    "everything": (
        lambda: gd.optimizers.SGD(
            schedules.ExponentialDecay(0.1, 1000, 0.96), global_clipnorm=1.0, weight_decay=0.5,
            use_ema=True, ema_overwrite_frequency=5, gradient_accumulation_steps=4,
        ),
        """\
η = 0.1*0.96**((k - 1)/1000)
t = floor((k - 1)/4) + 1
G ← G + g
if mod(k, 4) == 0:
    g ← G/4
    g ← g*c/maximum(sqrt(sum(g**2)), c)
    w ← w - w*λ*η
    w ← w - η*g
    G ← 0
α' = where(t == 1, 0, α)
w̄ ← α'*w̄ + (1 - α')*w
if mod(t, 5) == 0:
    w ← w̄
with λ = 0.5, c = 1, α = 0.99""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_the_ten(name):
    assert str(getattr(gd.optimizers, name)().equations()) == GOLDEN[name]


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name):
    make, text = SETTINGS[name]
    assert str(make().equations()) == text


def test_latex():
    equations = gd.optimizers.Adam().equations()
    assert equations.latex() == (
        "\\begin{aligned}\n"
        r"&m \leftarrow m + \left(g - m\right) \cdot \left(1 - \beta_{1}\right) \\" "\n"
        r"&v \leftarrow v + \left(g^{2} - v\right) \cdot \left(1 - \beta_{2}\right) \\" "\n"
        r"&w \leftarrow w - \frac{\eta \cdot \frac{\sqrt{1 - \beta_{2}^{t}}}{1 - \beta_{1}^{t}} "
        r"\cdot m}{\sqrt{v} + \epsilon} \\" "\n"
        r"&\text{with } \eta = 0.001, \beta_{1} = 0.9, \beta_{2} = 0.999, \epsilon = 10^{-7}" "\n"
        "\\end{aligned}"
    )  # fmt: skip
    assert equations._repr_latex_() == rf"$\displaystyle {equations.latex()}$"


def test_latex_of_conditions_and_averages():
    make, _ = SETTINGS["everything"]
    lines = make().equations().latex().splitlines()
    assert r"&\text{if } \operatorname{mod}\left(k, 4\right) = 0: \\" in lines
    assert r"&\quad g \leftarrow \frac{G}{4} \\" in lines
    assert r"&\quad w \leftarrow \bar{w} \\" in lines


def test_equations_change_nothing_and_follow_the_settings():
    optimizer = gd.optimizers.Adam()
    first = str(optimizer.equations())
    optimizer.learning_rate = 0.5
    assert str(optimizer.equations()) == first.replace("η = 0.001", "η = 0.5")
    assert optimizer.beta_1 == 0.9
    assert not optimizer.slots


class Swap(gd.optimizers.Optimizer):
    """Two slots that take each other's value; the step takes both and keeps the gradient."""

    slot_names = ("a", "b", "last")

    def step(self, w, g, slots, rate, t):
        a, b = 2 * slots["b"], 3 * slots["a"]
        return w - rate * (a + b), {slots["a"]: a, slots["b"]: b, slots["last"]: g}


def test_values_that_need_each_others_old_ones():
    assert str(Swap(0.5).equations()) == (
        "last ← g\na' = 2*b\nb ← 3*a\nw ← w - η*(a' + b)\na ← a'\nwith η = 0.5"
    )


def test_a_line_may_be_carried_out_as_it_is_read():
    """The lines of every optimizer, done one after the other, give the new values of `step`."""
    for name in GOLDEN:
        optimizer = getattr(gd.optimizers, name)()
        w = gd.Variable(np.array([1.0, -2.0]), "w", "float64")
        optimizer.build([w])
        values = {"w": w.value, "g": np.array([0.5, 0.25]), "t": 1.0}
        slots = {**optimizer.state, **optimizer.slots[w]}
        values |= {optimizer.signs.get(s, s): v.value for s, v in slots.items()}
        equations = optimizer.equations()
        values |= {sign: node.attrs["value"] for sign, node in equations.settings}
        for line in equations.lines:
            known = {node: values[name] for node, name in line.known.items()}
            values[line.target] = carried_out(line.value, values, known)
        optimizer.apply_gradients([(np.array([0.5, 0.25]), w)])
        np.testing.assert_allclose(values["w"], w.value, rtol=1e-7)
        for slot, variable in slots.items():
            np.testing.assert_allclose(values[optimizer.signs.get(slot, slot)], variable.value)


def carried_out(node, values, known):
    """The value of an equation's right side, as it is written: names stand for their last values."""
    if node in known:
        return known[node]
    if "name" in node.attrs and (not node.inputs or node.attrs["name"] in values):
        return values[node.attrs["name"]]
    arrays = [carried_out(i, values, known) for i in node.inputs]
    symbols = [
        gd.tensor("s", np.shape(a), i.dtype) for a, i in zip(arrays, node.inputs, strict=True)
    ]
    if not symbols:
        return gd.interpret([node], {})[0]
    again = gd.core.graph.rebuild(node, tuple(symbols))
    return gd.interpret([again], dict(zip(symbols, map(np.asarray, arrays), strict=True)))[0]
