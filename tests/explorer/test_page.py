"""The page as a file: whole, small, closed to the world, and safe whatever names are on it."""

import base64
import hashlib
import html
import json
import re

import numpy as np
import pytest

import graphdl as gd
from graphdl.explorer import Recording
from graphdl.explorer.engine import engine_of

HOSTILE = "</script><img src=x onerror=alert(1)>\"&'\\frac{a}"


def read(path):
    return path.read_text(encoding="utf-8")


def island(text):
    return json.loads(re.search(r'id="known">(.*?)</script>', text, re.DOTALL)[1])


@pytest.fixture
def made(lecture, tmp_path):
    model, x, y = lecture
    return model.explore(x, y, tmp_path / "page.html")


def test_the_lectures_network_takes_less_than_400_kb(made):
    assert made.path.stat().st_size < 400_000


def test_nothing_on_the_page_points_outside(made):
    text = re.sub(r"base64,[\w+/=]+", "", read(made.path))
    addresses = set(re.findall(r"https?:[^\s\"'`<>)]+", text))
    assert addresses <= {
        "http://www.w3.org/1998/Math/MathML",  # names of languages, never fetched
        "http://www.w3.org/2000/svg",
    }
    assert not re.search(r"<(link|img|iframe|object|base)\b|\bfetch\(|XMLHttp|import\(", text)


def test_the_policy_allows_this_pages_own_style_and_script_and_nothing_else(made):
    text = read(made.path)
    policy = html.unescape(re.search(r'Security-Policy" content="([^"]*)"', text)[1])
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy

    def digest(inner):
        raw = hashlib.sha256(inner.encode()).digest()
        return "sha256-" + base64.b64encode(raw).decode()

    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    script = re.search(r'<script type="module">(.*?)</script>', text, re.DOTALL)[1]
    assert f"style-src '{digest(style)}'" in policy and f"script-src '{digest(script)}'" in policy
    assert not re.search(r'\sstyle="|\son\w+="', text)  # what the policy would refuse


def test_the_island_holds_every_named_value(made):
    known = island(read(made.path))
    names = [s["name"] for s in known["stations"]]
    assert set(names) == {"x", "y", "W1", "b1", "z1", "h1", "W2", "b2", "z2", "ŷ", "J"}
    outputs = known["engine"]["outputs"]
    assert {f"value:{n}" for n in ("z1", "h1", "z2", "ŷ", "J")} <= set(outputs)
    assert {f"cotangent:{n}" for n in ("ŷ", "z2", "h1", "z1")} <= set(outputs)
    assert {f"{k}:{n}" for k in ("gradient", "new") for n in ("W1", "b1", "W2", "b2")} <= set(
        outputs
    )


def test_the_same_model_gives_the_same_page(lecture, tmp_path):
    model, x, y = lecture
    a, b = (read(model.explore(x, y, tmp_path / n).path) for n in ("a.html", "b.html"))
    assert a == b


def test_names_and_titles_are_text_and_nothing_more(tmp_path):
    gd.set_seed(1)
    model = gd.Sequential(
        [gd.layers.Input(shape=(2,)), gd.layers.Dense(1, name=HOSTILE)], name=HOSTILE
    )
    model.compile("sgd", "mse", target="python")
    text = read(model.explore([[1.0, 2.0]], [[1.0]], tmp_path / "p.html", title=HOSTILE).path)
    assert text.count("</script>") == 2 and "<img" not in text
    assert html.escape(HOSTILE) in text
    assert any(HOSTILE in s["user"] for s in island(text)["stations"])


def test_exploring_changes_nothing_of_the_model(classifier, tmp_path):
    model, x, y = classifier
    before = model.get_weights()
    model.explore(x, y, tmp_path / "p.html")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert not model.optimizer.slots and model.optimizer.iterations.value == 0


def test_the_engine_says_what_the_model_does(classifier):
    """Its loss and its gradients are those of the model's own derivations, dropout included."""
    model, x, y = classifier
    engine = engine_of(model, ((), "int64"))
    values = engine.values([x, y])
    for weight, short in (("dense/kernel", "W1"), ("batch_normalization/gamma", "γ2")):
        derived = model.derive(weight)
        found = derived.evaluate({"x": x, "y": y})
        assert values["value:J"] == pytest.approx(found.result, rel=1e-12)
        np.testing.assert_allclose(
            values[f"gradient:{short}"], found.gradient, rtol=1e-10, atol=1e-14
        )


def test_only_the_first_examples_are_on_the_page(lecture, tmp_path):
    model, x, y = lecture
    made = model.explore(np.tile(x, (20, 1)), np.tile(y, (20, 1)), tmp_path / "p.html", examples=5)
    text = read(made.path)
    assert island(text)["data"][0]["shape"] == [5, 2] and "the first 5 of 60 examples" in text


def test_a_large_network_is_summarised(tmp_path):
    gd.set_seed(0)
    sizes = (128, 64)
    hidden = [gd.layers.Dense(n, "relu") for n in sizes]
    model = gd.Sequential([gd.layers.Input(shape=(64,)), *hidden, gd.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", target="python")
    x = np.random.default_rng(0).normal(size=(4, 64))
    made = model.explore(x, np.arange(4), tmp_path / "p.html")
    assert made.path.stat().st_size < 1_000_000
    assert "128 units, 6 shown" in read(made.path)


# ------------------------------------------------------------------ what is refused


def test_the_weight_that_is_lit_first_can_be_named(lecture, tmp_path):
    model, x, y = lecture
    text = read(model.explore(x, y, tmp_path / "p.html", weight=("dense_1/kernel", 2, 0)).path)
    start = island(text)["start"]
    assert island(text)["stations"][start["weight"]]["name"] == "W2" and start["index"] == [2, 0]


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"weight": "dense/kernl"}, gd.errors.GraphError, "no weight is called 'dense/kernl'"),
        ({"weight": ("dense/kernel", 5, 0)}, gd.errors.ShapeError, r"\(2, 3\), so \(5, 0\)"),
        ({"playback": [1.0]}, TypeError, "Recording"),
        ({"playback": Recording()}, ValueError, "recorded nothing yet"),
        ({"examples": 0}, ValueError, "examples"),
    ],
)
def test_a_bad_setting_is_refused_by_name(lecture, tmp_path, settings, error, words):
    model, x, y = lecture
    with pytest.raises(error, match=words):
        model.explore(x, y, tmp_path / "p.html", **settings)
    assert not (tmp_path / "p.html").exists()


def test_a_place_that_cannot_be_written_is_refused(lecture, tmp_path):
    model, x, y = lecture
    with pytest.raises(FileNotFoundError, match="create the folder"):
        model.explore(x, y, tmp_path / "nowhere" / "p.html")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        model.explore(x, y, tmp_path)


def test_a_model_that_is_not_compiled_is_refused(tmp_path):
    model = gd.Sequential([gd.layers.Input(shape=(2,)), gd.layers.Dense(1)])
    with pytest.raises(gd.errors.NotCompiledError, match="explore"):
        model.explore([[1.0, 2.0]], [[1.0]], tmp_path / "p.html")


# ------------------------------------------------------------------ recordings


def test_a_recording_keeps_losses_and_some_states(lecture, tmp_path):
    model, x, y = lecture
    recording = Recording()
    first = model.get_weights()
    model.fit(x, y, epochs=60, verbose=0, callbacks=[recording])
    assert len(recording.loss) == 60 and len(recording.states) <= 26
    assert {0, 60} <= set(recording.states)
    assert all(np.array_equal(a, b) for a, b in zip(recording.states[0], first, strict=True))
    known = island(read(model.explore(x, y, tmp_path / "p.html", playback=recording).path))
    assert known["playback"]["epochs"] == list(recording.states)


def test_a_recording_of_another_model_is_refused(lecture, skipping, tmp_path):
    other, x2, y2 = skipping
    recording = Recording()
    other.fit(x2, y2, epochs=1, verbose=0, callbacks=[recording])
    model, x, y = lecture
    with pytest.raises(gd.errors.ShapeError, match="another model"):
        model.explore(x, y, tmp_path / "p.html", playback=recording)


# ------------------------------------------------------------------ notebooks and commands


def test_show_keeps_the_page_apart_from_the_notebook(made):
    shown = made.show()._repr_html_()
    assert shown.startswith("<iframe srcdoc=") and 'sandbox="allow-scripts"' in shown
    assert html.unescape(re.search('srcdoc="([^"]*)"', shown)[1]) == read(made.path)
    assert not hasattr(made, "_repr_html_")


def test_the_command_writes_the_lectures_page(tmp_path, capsys):
    from graphdl.cli import main

    out = tmp_path / "lecture.html"
    assert main(["explore", "--demo", "lecture", "--out", str(out)]) == 0
    assert str(out) in capsys.readouterr().out
    known = island(read(out))
    assert known["playback"]["loss"][-1] < known["playback"]["loss"][0] / 2
    assert known["predictor"]["input"] == "x"


def test_the_command_opens_a_saved_model(lecture, tmp_path, capsys):
    from graphdl.cli import main

    model, x, y = lecture
    model.save(tmp_path / "net.gdl")
    np.savez(tmp_path / "data.npz", x=x, y=y)
    np.savez(tmp_path / "half.npz", x=x)
    base = ["explore", "--model", str(tmp_path / "net.gdl"), "--out", str(tmp_path / "p.html")]
    assert main([*base, "--data", str(tmp_path / "data.npz"), "--weight", "dense_1/bias"]) == 0
    assert island(read(tmp_path / "p.html"))["stations"]
    assert main(base) == 1 and "--data" in capsys.readouterr().err
    assert main([*base, "--data", str(tmp_path / "half.npz")]) == 1
    assert "no array 'y'" in capsys.readouterr().err


def test_each_script_comes_after_those_it_imports():
    from graphdl.explorer import page

    folder = page.resources.files(page.PACKAGE).joinpath("assets")
    files = {f.name.removesuffix(".js") for f in folder.iterdir() if f.name.endswith(".js")}
    assert files == set(page.MODULES)
    for at, name in enumerate(page.MODULES):
        text = folder.joinpath(f"{name}.js").read_text(encoding="utf-8")
        assert len(text.splitlines()) < 300
        wanted = re.findall(r'from "\./(\w+)\.js"', text)
        assert wanted == [
            m for _, m in page._IMPORT.findall(text)
        ]  # all in the form that is put in
        assert set(wanted) <= set(page.MODULES[:at])


def test_the_font_is_small_and_has_its_licence_beside_it():
    from graphdl.explorer import page

    folder = page.resources.files(page.PACKAGE).joinpath("assets")
    assert len(folder.joinpath("math.woff2").read_bytes()) < 90_000
    assert "SIL OPEN FONT LICENSE Version 1.1" in folder.joinpath("OFL.txt").read_text()
