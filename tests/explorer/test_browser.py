"""The page in a browser: its numbers are the model's, before and after whatever is done to it."""

import re

import numpy as np
import pytest

import graphdl as gd

DIGITS = 1e-6  # relative: six digits


def explored(case, tmp_path, **settings):
    model, x, y = case
    return model.explore(x, y, tmp_path / "page.html", **settings).path


def gradient_of(model, name, x, y):
    return model.derive(name).evaluate({"x": x, "y": y}).gradient


def expect_numbers(one, model, name, index, x, y):
    """Loss, gradient and check of the chosen weight are those of the model."""
    found = model.derive(name).evaluate({"x": x, "y": y})
    assert one.number("loss-now") == pytest.approx(float(found.result), rel=DIGITS)
    slope = float(found.gradient[index])
    assert one.number("check-slope") == pytest.approx(slope, rel=DIGITS, abs=1e-12)
    assert one.number("gradient") == pytest.approx(slope, rel=DIGITS, abs=1e-12)
    assert one.number("check-difference") == pytest.approx(slope, rel=1e-4, abs=1e-8)


# ------------------------------------------------------------------ numbers


def test_the_page_opens_with_a_weight_lit_and_its_story_told(lecture, tmp_path, look):
    one = look(explored(lecture, tmp_path, weight=("dense/kernel", 0, 1)))
    assert one.page.locator(".edge.chosen").count() == 1
    assert one.page.locator(".edge.third").count() == 1  # the weight itself
    assert one.page.locator(".edge.second").count() == 1  # the activation
    assert one.page.locator(".edge.first").count() == 3  # h1 → z2 → ŷ → J
    story = one.page.inner_text("#story")
    assert "W₁[0, 1] leads from x[0] to z₁[1]" in story and "The chain rule multiplies" in story
    model, x, y = lecture
    expect_numbers(one, model, "dense/kernel", (0, 1), x, y)


def test_the_factors_multiply_to_the_gradient(lecture, tmp_path, look):
    model, x, y = lecture
    one = look(explored((model, x[:1], y[:1]), tmp_path))
    chips = one.page.locator("#formula > .product .chip .number")
    values = [float(chips.nth(k).get_attribute("data-value")) for k in range(chips.count())]
    assert len(values) == 3
    assert np.prod(values) == pytest.approx(one.number("gradient"), rel=1e-12)


def test_numbers_follow_each_change(lecture, tmp_path, look):
    """An input, a weight, the rate and a step: after each, the page says what the model says."""
    model, x, y = lecture
    one = look(explored(lecture, tmp_path, weight=("dense/kernel", 1, 2)), "#ask=0&example=1")
    one.give("#inputs input >> nth=0", 0.75)
    x = x.copy()
    x[1, 0] = 0.75
    expect_numbers(one, model, "dense/kernel", (1, 2), x, y)
    one.give("#value", -0.6)
    weights = model.get_weights()
    weights[0][1, 2] = -0.6
    model.set_weights(weights)
    expect_numbers(one, model, "dense/kernel", (1, 2), x, y)
    one.give("#rate", 0.8)
    model.optimizer.learning_rate = 0.8
    before = model.get_weights()[0][1, 2]
    model.train_on_batch(x, y)
    after = model.get_weights()[0][1, 2]
    assert one.number("before") == pytest.approx(before, rel=DIGITS)
    assert one.number("after") == pytest.approx(after, rel=DIGITS)
    one.page.click("#take")
    expect_numbers(one, model, "dense/kernel", (1, 2), x, y)
    assert float(one.page.input_value("#value")) == pytest.approx(after, rel=DIGITS)


def test_the_state_before_and_after_a_step_are_kept_apart(lecture, tmp_path, look):
    one = look(explored(lecture, tmp_path), "#ask=0")
    now, then = one.number("loss-now"), one.number("loss-after")
    assert one.number("loss-before") == now and then < now
    one.page.click("#take")
    assert one.number("loss-now") == pytest.approx(then, rel=1e-12)
    one.page.click("#reset")
    assert one.number("loss-now") == now


def test_a_network_with_batch_norm_dropout_and_softmax(classifier, tmp_path, look):
    model, x, y = classifier
    path = explored(classifier, tmp_path)
    for name, short, index in (
        ("dense/kernel", "W1,2,3", (2, 3)),
        ("batch_normalization/gamma", "γ2,1", (1,)),
        ("dense_1/bias", "b3,2", (2,)),
    ):
        one = look(path, f"#ask=0&w={short}")
        expect_numbers(one, model, name, index, x, y)
        one.page.close()


def test_a_functional_network_whose_paths_meet_again(skipping, tmp_path, look):
    model, x, y = skipping
    one = look(explored(skipping, tmp_path), "#ask=0&w=W1,1,2")
    expect_numbers(one, model, "dense/kernel", (1, 2), x, y)
    one.page.click("#take")  # momentum: a second step needs the state of the first
    one.page.click("#take")
    for _ in range(2):
        model.train_on_batch(x, y)
    expect_numbers(one, model, "dense/kernel", (1, 2), x, y)


def test_a_penalty_is_a_path_of_its_own(penalised, tmp_path, look):
    model, x, y = penalised
    one = look(explored(penalised, tmp_path), "#ask=0&w=W1,2,1")
    expect_numbers(one, model, "dense/kernel", (2, 1), x, y)
    rows = one.page.locator("#formula > .product")
    assert [rows.nth(k).locator(".chip").count() for k in range(rows.count())] == [3, 1]
    one.page.click("#take")  # Adam, whose second step needs what the first has kept
    one.page.click("#take")
    for _ in range(2):
        model.train_on_batch(x, y)
    expect_numbers(one, model, "dense/kernel", (2, 1), x, y)
    value = float(rows.nth(1).locator(".number").get_attribute("data-value"))
    assert value == pytest.approx(2 * 0.05 * model.get_weights()[0][2, 1], rel=1e-9)


def test_layers_of_ones_own_are_read_like_the_built_in_ones(by_hand, tmp_path, look):
    model, x, y = by_hand
    one = look(explored(by_hand, tmp_path), "#ask=0&w=b1,0,2")
    name = model.weights[1].name
    expect_numbers(one, model, name, (0, 2), x, y)
    assert one.page.locator("#formula .chip").count() == 3
    assert one.page.locator("#net .head").all_text_contents() == [
        "x", "z₁", "h₁", "z₂", "ŷ", "y", "J",
    ]  # fmt: skip


def test_the_lectures_chain_rule_with_its_numbers(tmp_path, look):
    """Rows 29 to 31: ŷ = σ(w₂·σ(w₁·x)) at x = y = 1, w₁ = ½, w₂ = −1."""
    from graphdl.cli import main

    path = tmp_path / "chain.html"
    assert main(["explore", "--demo", "chain", "--out", str(path)]) == 0
    one = look(path, "#ask=0&view=scalars&w=W2,0,0")
    assert one.number("loss-now") == pytest.approx(1.0520465, rel=1e-7)
    assert one.number("gradient") == pytest.approx(-0.405083, abs=5e-7)
    first, second, third = one.page.locator("#formula > .product .number").all_inner_texts()
    assert first == "−2.86351"
    assert float(second) * float(third) == pytest.approx(0.141464, rel=1e-5)
    one = look(path, "#ask=0&view=scalars&w=W1,0,0")
    assert one.number("gradient") == pytest.approx(0.152935, abs=5e-7)
    path_to_w1 = one.page.locator("details li .number").all_inner_texts()
    assert path_to_w1[0] == "−2.86351"  # the purple factor is the same in both


# ------------------------------------------------------------------ looking and stepping


def test_a_factor_and_its_edge_light_each_other(lecture, tmp_path, look):
    one = look(explored(lecture, tmp_path, weight=("dense/kernel", 0, 1)), "#ask=0")
    chip = one.page.locator("#formula .chip.second").first
    chip.hover()
    assert "second" in one.page.locator(".edge.pointed").get_attribute("class")
    one.page.mouse.move(0, 0)
    assert one.page.locator(".edge.pointed").count() == 0
    chip.focus()
    assert one.page.locator(".edge.pointed").count() == 1
    one.page.locator(".edge.third").dispatch_event("pointerenter")
    assert one.page.locator(".chip.third.pointed").count() == 1


def test_numbers_fill_in_step_by_step(lecture, tmp_path, look):
    one = look(explored(lecture, tmp_path), "#ask=0")
    one.page.click("#first")
    shown = lambda css: [t for t in one.page.locator(css).all_text_contents() if t]  # noqa: E731
    assert shown(".unit.value .value, .unit.loss .value") == ["?"] * 9
    one.page.keyboard.press("ArrowRight")
    assert "Forward 1 of 5" in one.page.inner_text("#status")
    assert shown(".unit.value .value, .unit.loss .value").count("?") == 6  # z1 has three units
    for _ in range(4):
        one.page.keyboard.press("ArrowRight")
    assert "?" not in shown(".unit .value") and not shown(".unit .slope")
    one.page.keyboard.press("ArrowRight")
    assert "Backward 1 of" in one.page.inner_text("#status") and len(shown(".unit .slope")) == 1
    one.page.keyboard.press("ArrowLeft")
    assert not shown(".unit .slope")
    for _ in range(30):
        one.page.keyboard.press("ArrowRight")
    assert "Update by SGD" in one.page.inner_text("#status")


def test_a_guess_comes_before_the_number(lecture, tmp_path, look):
    model, x, y = lecture
    one = look(explored(lecture, tmp_path, weight=("dense/kernel", 0, 0)))
    assert one.page.locator("#question").is_hidden()
    one.page.locator("[aria-label^='weight W₂[1, 0]']").dispatch_event("click")
    assert one.page.locator("#question").is_visible()
    assert one.page.inner_text("#gradient") == "?" == one.page.inner_text("#check-difference")
    slope = gradient_of(model, "dense_1/kernel", x, y)[1, 0]
    one.page.click(f"[data-guess={'rises' if slope > 0 else 'falls'}]")
    assert one.page.inner_text("#answer").startswith("Right.")
    assert one.number("gradient") == pytest.approx(slope, rel=DIGITS)
    one.page.locator("[aria-label^='weight W₂[2, 0]']").dispatch_event("click")
    one.page.click("[data-guess=skip]")
    assert one.page.locator("#question").is_hidden() and one.page.inner_text("#gradient") != "?"


def test_three_views(skipping, tmp_path, look):
    one = look(explored(skipping, tmp_path), "#ask=0&w=W1,1,2")
    assert one.page.locator("#net").is_visible() and one.page.locator("#flow").is_hidden()
    one.page.check("[name=view][value=layers]")
    assert one.page.locator("#flow").is_visible() and one.page.locator("#net").is_hidden()
    assert one.page.locator(".matrices .line").count() == 8  # ŷ, z4, h3, h2, z2, h1, z1, W1
    one.page.check("[name=view][value=scalars]")
    assert one.page.locator("details.paths[open] li").count() >= 1


def test_paths_are_written_out_on_demand_and_add_up(lecture, tmp_path, look):
    one = look(explored(lecture, tmp_path, weight=("dense/kernel", 0, 1)), "#ask=0")
    assert one.page.locator("details.paths li").count() == 0
    one.page.click("details.paths summary")
    rows = one.page.locator("details.paths li")
    rows.first.wait_for()
    assert rows.count() == 1 and rows.first.locator(".chip").count() == 3
    arrives = float(
        one.page.locator("#formula > .product .number").first.get_attribute("data-value")
    )
    values = rows.first.locator(".chip .number").evaluate_all(
        "all => all.map(e => +e.dataset.value)"
    )
    assert np.prod(values) == pytest.approx(arrives, rel=1e-12)


def test_the_python_to_take_away_gives_the_number(classifier, tmp_path, look):
    model, x, y = classifier
    one = look(explored(classifier, tmp_path, examples=4), "#ask=0&w=W1,2,3")
    *lines, last = one.page.inner_text("#python").splitlines()
    scope = {"model": model, "x": x, "y": y}
    exec("\n".join(lines), scope)
    assert eval(last.partition("#")[0], scope) == pytest.approx(one.number("gradient"), rel=DIGITS)
    assert float(last.partition("#")[2]) == pytest.approx(one.number("gradient"), rel=DIGITS)


def test_playback_brings_the_recorded_weights(lecture, tmp_path, look):
    from graphdl.explorer import Recording

    model, x, y = lecture
    recording = Recording()
    model.fit(x, y, epochs=6, verbose=0, callbacks=[recording])
    path = explored(lecture, tmp_path, playback=recording, weight=("dense/kernel", 0, 1))
    one = look(path, "#ask=0")
    one.page.locator("#epoch").fill("2")
    value = recording.states[2][0][0, 1]
    assert float(one.page.input_value("#value")) == pytest.approx(value, rel=DIGITS)
    assert "after epoch 2" in one.page.inner_text("#epoch-said")
    again = look(path, re.search("#.*", one.page.url)[0])
    assert float(again.page.input_value("#value")) == pytest.approx(value, rel=DIGITS)
    one.page.click("#play")
    one.page.get_by_text("after epoch 6").wait_for()


def test_a_history_gives_the_curve_alone(lecture, tmp_path, look):
    model, x, y = lecture
    history = model.fit(x, y, epochs=4, verbose=0)
    one = look(explored(lecture, tmp_path, playback=history))
    points = one.page.locator("#curve polyline").get_attribute("points").split()
    assert len(points) == 4 and one.page.locator("#play").is_hidden()
    assert "after epoch 4" in one.page.inner_text("#epoch-said")


def test_the_map_is_what_the_network_predicts(lecture, tmp_path, look):
    """Where the prediction is under ½ the map is orange, else blue."""
    model = lecture[0]
    one = look(explored(lecture, tmp_path))
    plane = one.page.evaluate("JSON.parse(document.getElementById('known').textContent).predictor")
    low, high = np.array(plane["low"]), np.array(plane["high"])
    corners = [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)]
    colours = one.page.evaluate(
        """corners => {
          const pen = document.getElementById("map").getContext("2d");
          const image = pen.getImageData(0, 0, 288, 288).data;
          return corners.map(([across, up]) => {
            const at = 4 * (288 * Math.floor(288 * (1 - up)) + Math.floor(288 * across));
            return [...image.slice(at, at + 3)];
          });
        }""",
        corners,
    )
    for corner, (red, _, blue) in zip(corners, colours, strict=True):
        point = low + (high - low) * corner
        answer = model.predict(point[None], verbose=0)[0, 0]
        assert (blue > red) == (answer > 0.5)


# ------------------------------------------------------------------ address, keyboard, width


def test_the_address_brings_everything_back(lecture, tmp_path, look):
    path = explored(lecture, tmp_path)
    one = look(path, "#ask=0")
    one.page.select_option("#weight", label="b₁  dense/bias")
    one.give("#value", 0.25)
    one.give("#example", 2)
    one.give("#inputs input >> nth=1", -0.5)
    one.page.click("#take")
    one.page.check("[name=view][value=scalars]")
    fragment = re.search("#.*", one.page.url)[0]
    other = look(path, fragment)
    assert other.number("loss-now") == one.number("loss-now")
    assert other.number("gradient") == one.number("gradient")
    assert other.page.input_value("#example") == "2"
    assert other.page.is_checked("[value=scalars]")
    assert "1 step taken" in other.page.inner_text("#taken")


def test_an_address_that_makes_no_sense_does_no_harm(lecture, tmp_path, look):
    path = explored(lecture, tmp_path)
    wild = "#w=nothing,9&view=4&step=-3&example=77&do=W1.999=1;x=;p9;u;W1.0=<b>"
    one = look(path, wild)
    assert np.isfinite(one.number("loss-now"))
    assert one.page.locator("b").count() == 0


def test_the_page_works_in_the_frame_of_a_notebook(lecture, tmp_path, browser):
    model, x, y = lecture
    shown = model.explore(x, y, tmp_path / "page.html").show()._repr_html_()
    page, errors = browser.new_page(), []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.set_content(f"<!doctype html><title>notebook</title>{shown}")
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready]").wait_for()
    frame.locator("#ask").uncheck()
    frame.locator("#next").click()
    frame.locator("#first").click()
    assert "Only the data" in frame.locator("#status").inner_text()
    page.close()
    assert errors == []


def test_names_of_users_are_never_markup(tmp_path, look):
    hostile = "</script><img src=x onerror=alert(1)>\"&'{a}"
    gd.set_seed(1)
    layers = [gd.layers.Input(shape=(2,)), gd.layers.Dense(1, name=hostile)]
    model = gd.Sequential(layers, name=hostile)
    model.compile("sgd", "mse", target="python")
    path = model.explore([[1.0, 2.0]], [[1.0]], tmp_path / "p.html", title=hostile).path
    one = look(path, "#view=layers")
    assert one.page.locator("img").count() == 0
    assert one.page.inner_text("h1") == hostile == one.page.title()
    assert hostile in one.page.inner_text("#python").replace('\\"', '"')


def test_everything_can_be_done_with_the_keyboard(lecture, tmp_path, look):
    one = look(explored(lecture, tmp_path, weight=("dense/kernel", 0, 1)))
    reached = []
    for _ in range(45):
        one.page.keyboard.press("Tab")
        reached.append(
            one.page.evaluate(
                "(e => [e.id, e.dataset.copies, e.getAttribute('class'), e.name].join(' '))"
                "(document.activeElement)"
            )
        )
    joined = " ".join(reached)
    for wanted in (
        "view", "theme", "first", "next", "take", "weight", "value", "slide", "rate", "ask", "reset",
        "python", "latex", "source", "chip first", "chip second", "chip third", "edge weight",
    ):  # fmt: skip
        assert wanted in joined, wanted
    one.page.focus(".edge.chosen")
    before = one.page.locator(".edge.chosen").get_attribute("id")
    one.page.keyboard.press("ArrowDown")
    one.page.keyboard.press("Enter")
    assert one.page.locator(".edge.chosen").get_attribute("id") != before
    one.page.keyboard.press("Tab")
    assert one.page.locator("#question").is_visible()


@pytest.mark.parametrize("width", [360, 768, 1100, 1900])
def test_no_width_needs_sideways_scrolling(classifier, tmp_path, look, width):
    one = look(
        explored(classifier, tmp_path),
        "#ask=0&view=layers",
        viewport={"width": width, "height": 700},
    )
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    one.page.check("[value=units]")
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width


def test_motion_is_reduced_where_that_is_asked_for(lecture, tmp_path, look):
    moving = "getComputedStyle(document.querySelector('.edge .line')).transitionDuration"
    path = explored(lecture, tmp_path)
    assert look(path, reduced_motion="reduce").page.evaluate(moving) == "0s"
    assert look(path, reduced_motion="no-preference").page.evaluate(moving) != "0s"


def test_print_shows_the_mathematics_and_no_controls(lecture, tmp_path, look):
    one = look(explored(lecture, tmp_path), color_scheme="dark")
    one.page.emulate_media(media="print")
    for gone in (".toolbar", ".fields", "#theme", "#take"):
        assert one.page.locator(gone).first.is_hidden(), gone
    for there in ("#net", "#formula", "#story", "#values", "#latex"):
        assert one.page.locator(there).is_visible(), there


def test_without_scripts_the_page_says_what_it_would_do(lecture, tmp_path, browser):
    path = explored(lecture, tmp_path)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert "scripts are switched off" in page.inner_text("noscript")
    context.close()


def test_the_font_of_mathematics_is_the_pages_own(lecture, tmp_path, look):
    one = look(explored(lecture, tmp_path))
    fonts = one.page.evaluate(
        "document.fonts.ready.then(() => [...document.fonts].map(f => f.family + ' ' + f.status))"
    )
    assert [f.replace('"', "") for f in fonts] == ["graphdl math loaded"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["layers", "units", "scalars"])
def test_axe_finds_nothing(lecture, tmp_path, look, scheme, view):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    one = look(explored(lecture, tmp_path), f"#view={view}", color_scheme=scheme)
    found = axe.Axe().run(one.page).response["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []


def test_axe_finds_nothing_while_a_question_is_open(lecture, tmp_path, look):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    one = look(explored(lecture, tmp_path))
    one.page.select_option("#weight", label="b₂  dense_1/bias")
    found = axe.Axe().run(one.page).response["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []
