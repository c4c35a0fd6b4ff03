"""What pictures show: of graphs, gradients, updates, models and derivations."""

import subprocess
import sys

import numpy as np
import pytest

import graphdl as gd
from graphdl.show.picture import cut, scene_of


def lecture_like():
    x = gd.tensor("x", shape=("n", 3))
    y = gd.tensor("y", shape=("n", 1))
    W = gd.Variable(np.zeros((3, 1)), name="W")
    b = gd.Variable(np.zeros(1), name="b")
    z = (x @ W + b).named("z")
    p = gd.sigmoid(z).named("ŷ")
    J = gd.mean(gd.losses.binary_crossentropy(y, p)).named("J")
    return x, y, W, b, J


def by_label(scene):
    return {b.label: b for b in scene.boxes}


def links(scene, style=None):
    label = {b.id: b.label for b in scene.boxes}
    chosen = [e for e in scene.edges if style in (None, e.style)]
    return {(label[e.start], label[e.end]) for e in chosen}


def test_a_graph_is_one_box_an_operation():
    *_, J = lecture_like()
    scene = scene_of(J)
    boxes = by_label(scene)
    assert [b.id for b in scene.boxes] == [f"n{k}" for k in range(1, len(scene.boxes) + 1)]
    assert boxes["x"].kind == "input" and boxes["W"].kind == "weight"
    assert boxes["z = · + b"].lines == ("(n, 1)",) and boxes["z = · + b"].name == "z"
    assert boxes["J = mean(·)"].kind == "loss"
    assert {("x", "x @ W"), ("W", "x @ W"), ("x @ W", "z = · + b"), ("b", "z = · + b"),
            ("z = · + b", "ŷ = sigmoid(z)")} <= links(scene)  # fmt: skip
    assert {e.style for e in scene.edges} == {"forward"}
    assert scene.title == "Graph of J"


def test_gradients_are_told_from_the_forward_pass():
    x, y, W, b, J = lecture_like()
    scene = scene_of(gd.Graph([x, y], [J, *gd.grad(J, [W, b])]))
    forward = by_label(scene_of(J))
    kinds = {b.label: b.kind for b in scene.boxes}
    assert {k for label, k in kinds.items() if label not in forward} == {"gradient"}
    assert {label: kinds[label] for label in forward} == {k: b.kind for k, b in forward.items()}
    assert {"∂J/∂W", "∂J/∂b"} == {b.name for b in scene.boxes if b.name.startswith("∂")}
    assert {e for e in links(scene, "gradient") if e[1] in forward} == set()
    assert links(scene, "forward") == links(scene_of(J))
    assert "for gradients (dashed)" in scene.description


def test_two_outputs_are_no_gradients():
    x = gd.tensor("x", shape=("n",))
    scene = scene_of(gd.Graph([x], [gd.sum(x), gd.sum(gd.exp(x))]))
    assert {b.kind for b in scene.boxes} == {"input", "op", "loss"}


def test_updates_lead_back_to_their_variables():
    x, y, W, _b, J = lecture_like()
    dW = gd.grad(J, W)
    step = gd.function([x, y], J, updates={W: W - 0.1 * dW}, target="python")
    scene = scene_of(step.graph)
    back = [e for e in scene.edges if e.back]
    label = {b.id: b for b in scene.boxes}
    assert [label[e.end].label for e in back] == ["W"]
    assert label[back[0].start].label == "W - ·" and label[back[0].start].kind == "update"
    assert by_label(scene)["0.1*·"].kind == "update"
    assert by_label(scene)["J = mean(·)"].kind == "loss"


def test_x_plus_x_has_one_arrow_and_a_number_stands_in_the_formula():
    x = gd.tensor("x", shape=(3,))
    scene = scene_of((x + x) * 0.5)
    assert [b.label for b in scene.boxes] == ["x", "x + x", "·*0.5"]
    assert len(scene.edges) == 2


def network(**details):
    inputs = gd.Input((8,))
    block = gd.Sequential([gd.Input((8,)), gd.layers.Dense(8, "relu"), gd.layers.Dense(8)], "block")
    side = gd.Input((4,), name="side")
    joined = gd.layers.Concatenate()([gd.layers.Add()([block(inputs), inputs]), side])
    model = gd.Model([inputs, side], gd.layers.Dense(2, "softmax", name="out")(joined), name="m")
    return scene_of(model, **details)


def test_a_model_is_one_box_a_layer():
    scene = network(show_layer_names=True)
    assert {b.label for b in scene.boxes} == {
        "x (Input)", "side (Input)", "block (Sequential)", "add (Add)",
        "concatenate (Concatenate)", "out (Dense)",
    }  # fmt: skip
    assert ("x (Input)", "add (Add)") in links(scene)  # the skip connection
    assert by_label(scene)["out (Dense)"].kind == "output"
    assert not scene.clusters and all(b.lines == () for b in scene.boxes)


def test_details_of_layers():
    scene = network(
        show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True
    )
    boxes = by_label(scene)
    assert boxes["Dense"].lines == ("softmax", "(n, 12) → (n, 2)", "float32", "trainable")
    assert boxes["Add"].lines[0] == "(n, 8), (n, 8) → (n, 8)"


def test_nested_models_are_frames():
    scene = network(expand_nested=True, show_layer_names=True)
    assert [c.label for c in scene.clusters] == ["block (Sequential)"]
    inside = {b.label for b in scene.boxes if b.cluster == "c1"}
    assert inside == {"dense (Dense)", "dense_1 (Dense)"}
    assert {("x (Input)", "dense (Dense)"), ("dense_1 (Dense)", "add (Add)")} <= links(scene)


def test_operations_of_layers_are_framed():
    scene = network(operations=True)
    frames = {c.id: c for c in scene.clusters}
    top = [c.label for c in scene.clusters if c.parent is None]
    assert top == ["block (Sequential)", "add (Add)", "concatenate (Concatenate)", "out (Dense)"]
    kernel = next(b for b in scene.boxes if b.label == "kernel")
    assert frames[frames[kernel.cluster].parent].label == "block (Sequential)"
    assert by_label(scene)["ŷ = softmax(z4)"].kind == "output"


def test_a_layer_that_is_called_twice_has_two_frames():
    x, dense = gd.Input((4,)), gd.layers.Dense(4)
    scene = scene_of(gd.Model(x, dense(dense(x))), operations=True)
    assert [c.label for c in scene.clusters] == ["dense (Dense)", "dense (Dense), call 2"]


def test_subclassed_models_are_drawn_by_their_calls():
    class Net(gd.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = gd.layers.Dense(4, "relu"), gd.layers.Dense(4)

        def call(self, inputs):
            h = self.a(inputs)
            return self.b(h) + h

    model = Net()
    model(np.zeros((2, 4), np.float32))
    scene = scene_of(model, show_layer_names=True)
    assert links(scene) == {
        ("x (Input)", "dense (Dense)"), ("dense (Dense)", "dense_1 (Dense)"),
        ("dense (Dense)", "· + ·"), ("dense_1 (Dense)", "· + ·"),
    }  # fmt: skip


def test_layers_of_subclassed_models_are_numbered():
    class Net(gd.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = gd.layers.Dense(3, "tanh"), gd.layers.Dense(1)

        def call(self, inputs):
            h = self.a(inputs)
            self.add_loss(gd.mean(gd.square(h)))
            return self.b(h)

    model = Net()
    model.compile("sgd", "mse")
    model(np.zeros((2, 4), np.float32))
    assert "∂ŷ/∂z2 · ∂z2/∂u1 · ∂u1/∂z1 · ∂z1/∂W1" in str(model.derive("dense/kernel"))
    # What call() says beside its layers is no box of a layer: the operations are drawn.
    assert {"dense/kernel", "dense_1/kernel", "tanh(z1)", "ŷ"} <= set(by_label(scene_of(model)))


def test_drawing_a_model_leaves_it_as_it_was():
    model = gd.Sequential([gd.Input((3,)), gd.layers.Dense(2), gd.layers.BatchNormalization(),
                           gd.layers.Dropout(0.5)])  # fmt: skip
    before, names = model.get_weights(), [w.name for w in model.weights]
    scene_of(model, operations=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert names == [w.name for w in model.weights]


def test_a_derivation_is_its_names_and_its_factors():
    model = gd.Sequential(
        [gd.Input((3,)), gd.layers.Dense(4, "tanh"), gd.layers.Dense(1, "sigmoid")]
    )
    model.compile("sgd", "binary_crossentropy")
    d = model.derive("dense/kernel")
    scene = scene_of(d)
    assert [b.label for b in scene.boxes if b.mark] == ["W1"]
    assert {"x", "W1", "b1", "z1", "h1", "W2", "b2", "z2", "ŷ", "y", "J"} == set(by_label(scene))
    assert by_label(scene)["z1"].lines == ("x @ W1 + b1", "(n, 4)")
    assert links(scene, "gradient") == {
        ("J", "ŷ"), ("ŷ", "z2"), ("z2", "h1"), ("h1", "z1"), ("z1", "W1")
    }  # fmt: skip
    assert [e.label for e in scene.edges if e.style == "gradient"] == [
        "∂J/∂ŷ", "∂ŷ/∂z2", "∂z2/∂h1", "∂h1/∂z1", "∂z1/∂W1"
    ]  # fmt: skip
    assert links(scene, "forward") >= {("x", "z1"), ("h1", "z2"), ("ŷ", "J"), ("y", "J")}


def test_a_node_at_which_paths_meet_goes_by_its_name_in_print():
    x, w = gd.tensor("x", ("n", 4)), gd.Variable(np.ones((4, 4)), "W")
    h = gd.relu((x @ w).named("z"))  # without a name
    joined = ((h @ w).named("a") + gd.tanh(h).named("b")).named("c")
    d = gd.derive(gd.mean(joined).named("J"), w)
    scene = scene_of(d)
    assert "∂u1/∂z" in str(d) and by_label(scene)["u1"].lines == ("relu(z)", "(n, 4)")
    assert {("a", "u1"), ("b", "u1"), ("u1", "z")} <= links(scene, "gradient")
    assert sum(e.style == "gradient" for e in scene.edges) == len(d.factors)


def chain(length, x=None):
    node = gd.tensor("x", shape=(2,)) if x is None else x
    for _ in range(length):
        node = gd.sin(node) + 1.5
    return node


def test_large_graphs_are_cut_with_a_hint():
    scene = scene_of(chain(150))
    short = cut(scene, 200)
    assert len(scene.boxes) == 301 and len(short.boxes) == 200
    assert short.boxes[-1].id == scene.boxes[-1].id  # the result stays
    assert "101 of 301" in short.hint and "limit=None" in short.hint
    assert short.boxes[0].lines[-1] == "… 1 input"
    assert cut(scene, None) is scene and cut(short, 200) is short
    for bad in (0, -1, True, 2.5):
        with pytest.raises(ValueError, match="limit"):
            cut(scene, bad)


def test_unknown_details_are_refused_by_name():
    with pytest.raises(TypeError, match="show_shape"):
        chain(1).svg(show_shape=True)
    with pytest.raises(TypeError, match="show_shapes is True or False"):
        chain(1).svg(show_shapes="no")
    with pytest.raises(ValueError, match="rankdir"):
        chain(1).svg(rankdir="down")


CODE = """
import numpy as np, graphdl as gd
x = gd.tensor("x", shape=("n", 3)); y = gd.tensor("y", shape=("n", 1))
W = gd.Variable(np.zeros((3, 1)), name="W"); b = gd.Variable(np.zeros(1), name="b")
p = gd.sigmoid((x @ W + b).named("z")).named("p")
J = gd.mean(gd.losses.binary_crossentropy(y, p)).named("J")
g = gd.Graph([x, y], [J, *gd.grad(J, [W, b])])
i = gd.Input((4,)); h = gd.layers.Dense(4, "relu")(i)
m = gd.Model(i, gd.layers.Dense(2)(gd.layers.Add()([h, i])))
for v in (g, m): print(v.svg(), v.dot(), v.mermaid())
print(m.svg(operations=True), gd.derive(J, W).svg())
"""


def test_pictures_are_the_same_in_every_process():
    texts = set()
    for seed in ("0", "1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "PATH": "",
                 "PYTHONIOENCODING": "utf-8", "HOME": "/nonexistent"},
        )  # fmt: skip
        texts.add(done.stdout)
    assert len(texts) == 1 and "<svg" in texts.pop()
