"""All LaTeX renders: KaTeX, from npm, refuses what is not in its dialect."""

import json
import shutil
import subprocess

import pytest

import graphdl as gd
from graphdl.core.graph import apply
from graphdl.ops.registry import all_ops
from graphdl.show.latex import latex
from tests.derivation.test_forms import CASES

RENDER = """
const katex = require(process.argv[2] + "/node_modules/katex");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const wrong = [];
for (const tex of texts) {
  try { katex.renderToString(tex, {displayMode: true, throwOnError: true, strict: "error"}); }
  catch (error) { wrong.push(tex + "\\n    " + error.message); }
}
console.log(JSON.stringify(wrong));
"""


@pytest.fixture(scope="module")
def katex(tmp_path_factory):
    """A function that says which texts KaTeX refuses, and why."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not on PATH: LaTeX is not rendered by KaTeX")
    folder = tmp_path_factory.mktemp("katex")
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder]
    made = subprocess.run([*command, "katex@0.16"], capture_output=True, text=True, timeout=120)
    if made.returncode:
        pytest.skip("npm cannot install katex here: LaTeX is not rendered by KaTeX")
    script = folder / "render.cjs"
    script.write_text(RENDER, encoding="utf-8")

    def refused(texts):
        done = subprocess.run(
            [node, script, folder],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    return refused


def test_derivations_render(katex):
    texts = []
    for case in CASES.values():
        d = case()
        texts += [d.latex(form) for form in (None, "chain", "index", "matrix", "code")]
        texts += [e.latex for e in d.equations("matrix", "latex")]
    assert katex(texts) == []


def test_numbers_render(katex):
    d = CASES["w1"]()
    assert katex([d.evaluate({"x": 1.0, "y": 1.0}).latex()]) == []


def test_every_operation_renders(katex):
    texts = []
    for op in all_ops().values():
        for sample in op.samples[:1]:
            if not sample.shapes:
                continue
            dtypes = sample.dtypes or ("float64",) * len(sample.shapes)
            nodes = [
                gd.tensor(f"x{k}", shape, {"float": "float64"}.get(d, d))
                for k, (shape, d) in enumerate(zip(sample.shapes, dtypes, strict=True), 1)
            ]
            node = apply(op, *nodes, **sample.attrs)
            texts.append(latex(node))
    assert len(texts) > 80 and katex(texts) == []


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "adagrad", "adadelta", "rmsprop"])
def test_updates_render(katex, optimizer):
    assert katex([gd.optimizers.get(optimizer).equations().latex()]) == []
