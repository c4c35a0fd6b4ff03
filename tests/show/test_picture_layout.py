"""The layout: nothing overlaps, edges go forward and meet no box, few crossings."""

import random
from itertools import combinations, pairwise

import pytest

from graphdl.show.picture.layout import layout
from graphdl.show.picture.order import crossings, ordered
from graphdl.show.picture.place import isotonic
from graphdl.show.picture.scene import Box, Cluster, Edge, Scene


def scene_of(edges, clusters=(), owner=None):
    arrows = [e if isinstance(e, Edge) else Edge(start=e[0], end=e[1]) for e in edges]
    names = dict.fromkeys(n for e in arrows for n in (e.start, e.end))
    boxes = tuple(Box(id=n, label=n, cluster=(owner or {}).get(n)) for n in names)
    return Scene(title="t", boxes=boxes, edges=tuple(arrows), clusters=clusters)


def drawn(scene, direction="TB", size=(60.0, 24.0)):
    labels = [(30.0, 12.0) if e.label else (0.0, 0.0) for e in scene.edges]
    heads = {c.id: (40.0, 14.0) for c in scene.clusters}
    return layout(scene, {b.id: size for b in scene.boxes}, labels, heads, direction)


def random_scene(seed, count=40, density=0.06, clusters=0, back=0):
    """A random graph without cycles; its frames hold boxes that follow each other."""
    draw = random.Random(seed)
    names = [f"n{k}" for k in range(count)]
    edges = [Edge(start=a, end=b) for a, b in combinations(names, 2) if draw.random() < density]
    edges += [Edge(start=a, end=b) for a, b in pairwise(names) if draw.random() < 0.5]
    for e in draw.sample(edges, min(back, len(edges))):
        edges.append(Edge(start=e.end, end=e.start, back=True, style="gradient", label="d"))
    frames = [Cluster(id=f"c{k}", label="f") for k in range(clusters)]
    frames += [Cluster(id="inner", label="i", parent="c0")] if clusters else []
    owner = {n: f"c{k * clusters // count}" for k, n in enumerate(names)} if clusters else {}
    owner |= dict.fromkeys(names[2:5], "inner") if clusters else {}
    boxes = tuple(Box(id=n, label=n, cluster=owner.get(n)) for n in names)
    return Scene(title="r", boxes=boxes, edges=tuple(edges), clusters=tuple(frames))


SCENES = [
    *((seed, {}) for seed in range(6)),
    *((seed, {"clusters": 4}) for seed in range(4)),
    *((seed, {"back": 8}) for seed in range(4)),
    (0, {"count": 120, "density": 0.02, "clusters": 6, "back": 10}),
]


def overlap(a, b, gap=0.0):
    return (
        a.x < b.x + b.width + gap
        and b.x < a.x + a.width + gap
        and a.y < b.y + b.height + gap
        and b.y < a.y + a.height + gap
    )


def contains(a, b):
    return a.x <= b.x and a.y <= b.y and b.x + b.width <= a.x + a.width and (
        b.y + b.height <= a.y + a.height
    )  # fmt: skip


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("seed, options", SCENES)
def test_no_two_boxes_overlap(seed, options, direction):
    done = drawn(random_scene(seed, **options), direction)
    for a, b in combinations(done.boxes.values(), 2):
        assert not overlap(a, b, gap=9.0)
    for r in done.boxes.values():
        assert r.x > 0 and r.x + r.width < done.width
        assert r.y > 0 and r.y + r.height < done.height


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("seed, options", SCENES)
def test_edges_go_forward_and_meet_no_box(seed, options, direction):
    scene = random_scene(seed, **options)
    done = drawn(scene, direction)
    along = (lambda p: p[1]) if direction == "TB" else (lambda p: p[0])
    for edge, route in zip(scene.edges, done.routes, strict=True):
        steps = [along(p) for p in route]
        assert steps == sorted(steps, reverse=edge.back) and steps[0] != steps[-1]
        ends = (edge.start, edge.end)
        for end, point in zip(ends, (route[0], route[-1]), strict=True):
            assert touches(done.boxes[end], point, direction)
        for name, r in done.boxes.items():
            if name not in ends:
                assert not any(crosses(r, p, q, direction) for p, q in pairwise(route))


def touches(r, point, direction):
    """Is the point on the side of the box where edges come and go?"""
    x, y = point
    if direction == "LR":
        x, y, r = y, x, type(r)(r.y, r.x, r.height, r.width)
    return r.x < x < r.x + r.width and min(abs(y - r.y), abs(y - r.y - r.height)) < 1e-6


def crosses(r, p, q, direction):
    """Does an S-bend or a line from p to q meet the rectangle? Looked at in 25 points."""
    (x0, x1), (y0, y1) = sorted((p[0], q[0])), sorted((p[1], q[1]))
    if x1 < r.x or x0 > r.x + r.width or y1 <= r.y or y0 >= r.y + r.height:
        return False
    for k in range(25):
        t = k / 24
        bend = 3 * t * t * (1 - t) + t**3  # the cubic whose handles lie half-way along the flow
        flow = 1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t**3
        a, b = (bend, flow) if direction == "TB" else (flow, bend)
        x, y = p[0] + (q[0] - p[0]) * a, p[1] + (q[1] - p[1]) * b
        if r.x < x < r.x + r.width and r.y < y < r.y + r.height:
            return True
    return False


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("seed", range(4))
def test_a_frame_holds_its_own_and_no_strangers(seed, direction):
    scene = random_scene(seed, clusters=4)
    done = drawn(scene, direction)
    parent = {c.id: c.parent for c in scene.clusters}
    for frame, r in done.frames.items():
        for box in scene.boxes:
            chain, holder = set(), box.cluster
            while holder:
                chain.add(holder)
                holder = parent[holder]
            inside = done.boxes[box.id]
            assert contains(r, inside) if frame in chain else not overlap(r, inside)


def test_a_frame_that_a_path_leaves_and_enters_again_is_left_out():
    owner = {"a": "c1", "c": "c1"}
    scene = scene_of([("a", "b"), ("b", "c")], (Cluster(id="c1", label="f"),), owner)
    done = drawn(scene)
    assert not done.frames and list(done.boxes) == ["a", "b", "c"]


def test_labels_stand_beside_everything_else():
    edges = [("x", "z"), ("w", "z"), Edge(start="z", end="w", back=True, label="d")]
    scene = scene_of(edges)
    done = drawn(scene)
    assert done.labels[:2] == [None, None]
    x, y = done.labels[2]
    label = type(done.boxes["x"])(x - 15, y - 6, 30, 12)
    assert not any(overlap(label, r) for r in done.boxes.values())
    (upper,) = [p for p in done.routes[2] if p[0] == x and p[1] < y]
    (lower,) = [p for p in done.routes[2] if p[0] == x and p[1] > y]
    assert lower[1] - upper[1] > 12  # the line runs straight below the whole label


@pytest.mark.parametrize(
    "layers, links, fewest",
    [
        ([[0, 1], [2, 3]], [(0, 3), (1, 2)], 0),  # two lines
        ([[0, 1], [2, 3]], [(0, 2), (0, 3), (1, 2), (1, 3)], 1),  # K(2, 2)
        ([[0, 1, 2], [3, 4, 5]], [(a, b) for a in (0, 1, 2) for b in (3, 4, 5)], 9),  # K(3, 3)
        ([[0], [2, 1], [3, 4, 5, 6]], [(0, 1), (0, 2), (1, 3), (2, 4), (1, 5), (2, 6)], 0),  # a tree
        ([[0, 1, 2], [3, 4, 5], [6, 7, 8]],
         [(0, 5), (1, 3), (2, 4), (5, 7), (3, 8), (4, 6)], 0),  # three lines, twisted
    ],
)  # fmt: skip
def test_small_graphs_have_as_few_crossings_as_can_be(layers, links, fewest):
    items = [i for row in layers for i in row]
    below = {i: [b for a, b in links if a == i] for i in items}
    above = {i: [a for a, b in links if b == i] for i in items}
    found = ordered(layers, below, above)
    assert [sorted(row) for row in found] == [sorted(row) for row in layers]
    assert crossings(found, below) == fewest


def test_crossings_are_counted_as_pairs_of_links():
    draw = random.Random(1)
    upper, lower = list(range(8)), list(range(8, 16))
    links = [(draw.choice(upper), draw.choice(lower)) for _ in range(20)]
    below = {i: [b for a, b in links if a == i] for i in upper + lower}
    pairs = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(links, 2))
    assert crossings([upper, lower], below) == pairs


def test_places_are_the_isotonic_regression():
    isotonic_regression = pytest.importorskip("sklearn.isotonic").isotonic_regression
    draw = random.Random(2)
    values = [draw.gauss(0, 3) for _ in range(50)]
    weights = [draw.uniform(0.1, 4) for _ in range(50)]
    expected = isotonic_regression(values, sample_weight=weights)
    assert isotonic(values, weights) == pytest.approx(list(expected))


def test_a_chain_is_straight_and_sources_stand_by_their_use():
    done = drawn(scene_of([("a", "b"), ("b", "c"), ("c", "d"), ("w", "d")]))
    assert len({done.boxes[n].middle[0] for n in "abc"}) == 1
    assert done.boxes["w"].y == done.boxes["c"].y
