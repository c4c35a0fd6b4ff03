"""What the page is told: everything about one model and one batch, as plain JSON."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphdl.compile import Compiled
from graphdl.explorer import words
from graphdl.explorer.drawing import layers_svg, shown, units_svg
from graphdl.explorer.engine import SEED, Engine, draws
from graphdl.explorer.layout import layout
from graphdl.explorer.source import lines_of
from graphdl.explorer.stations import is_one
from graphdl.explorer.structure import Link, Structure
from graphdl.version import __version__

WIDE = 1000
FEW = 48  # numbers that are written as such; more go as bytes


@dataclass(frozen=True)
class Record:
    """What the page knows, and its pictures: by units, and by layers."""

    known: dict[str, Any]
    units: str
    layers: str
    wide: bool  # too wide to stand beside the formula


def record(model: Any, engine: Engine, arrays: list[np.ndarray]) -> Record:
    """Everything about the model on this batch."""
    way = engine.journey
    found = engine.values(arrays)
    structure = Structure(way, _values(engine, arrays, found))
    plan = layout(way.stations, [structure.units(s) for s in way.stations], structure.links)
    drawn = {g.station: len(g.places) for g in plan.groups}
    names = {symbol: v.name for v, symbol in engine.state.items()}
    known = {
        "version": __version__,
        "stations": _stations(engine, structure, names),
        "factors": _factors(engine),
        "links": [asdict(link) for link in structure.links],
        "slots": [drawn.get(k, 0) for k in range(len(way.stations))],
        "sweep": _sweep(engine),
        "state": [_state(v, s, model) for v, s in engine.state.items()],
        "data": [_data(n, a) for n, a in zip(engine.data, arrays, strict=True)],
        "optimizer": _optimizer(model),
        "seed": SEED,
        "draws": draws(engine),
        "engine": manifest(engine.compiled, engine.outputs),
        "source": lines_of(engine),
    }
    known["start"] = _start(engine, found, structure.links)
    flow = layers_svg(way.stations, [structure.shape(s) for s in way.stations])
    units = units_svg(way.stations, structure.links, plan)
    return Record(known, units, flow, plan.width > WIDE)


def _start(engine: Engine, values: Mapping[str, np.ndarray], links: Sequence[Link]) -> dict:
    """The weight that is lit at first, of the layer that acts first the one that J depends on most;
    and the example that this comes from most."""
    link = ([x for x in links if x.kind == "matrix"] or [x for x in links if x.weight >= 0])[-1]
    stations = engine.journey.stations
    gradient = values[f"gradient:{stations[link.weight].name}"]
    at = np.unravel_index(int(np.abs(gradient).argmax()), np.shape(gradient))
    slopes = values.get(f"cotangent:{stations[link.target].name}")
    example = 0
    if slopes is not None and slopes.ndim == 2 and link.kind == "matrix":
        example = int(np.abs(slopes[:, at[-1]]).argmax())
    return {"weight": link.weight, "index": [int(i) for i in at], "example": example}


def _values(
    engine: Engine, arrays: list[np.ndarray], found: Mapping[str, np.ndarray]
) -> dict[Any, np.ndarray]:
    """The value of every station, and of every argument."""
    env: dict[Any, np.ndarray] = dict(zip(engine.data, arrays, strict=True))
    env |= {symbol: np.asarray(v.value, symbol.dtype) for v, symbol in engine.state.items()}
    for s in engine.journey.stations:
        if s.parents:
            env[s.node] = found[f"value:{s.name}"]
    return env


def _stations(engine: Engine, structure: Structure, names: Mapping[Any, str]) -> list[dict]:
    pen = words.Words(engine.journey)
    return [
        {
            "name": s.name,
            "shown": shown(s.name),
            "role": s.role,
            "depth": s.depth,
            "user": names.get(s.node, ""),
            "title": words.formula(pen.name(s)),
            "unit": words.formula(pen.name(s, indexed=True)),
            "value": pen.value(s) if s.parents else None,
            "batched": structure.batched(s),
            "units": structure.units(s),
            "shape": [d if isinstance(d, int) else "n" for d in s.node.shape],
            "parents": [structure.number[p] for p in s.parents],
        }
        for s in engine.journey.stations
    ]


def _factors(engine: Engine) -> list[dict]:
    pen, way = words.Words(engine.journey), engine.journey
    rows = []
    for k, f in enumerate(way.factors):
        local = pen.local(f)
        rows.append(
            {
                "v": pen.number[f.node],
                "u": pen.number[f.wrt],
                "kind": f.local.kind,
                "rule": f.rule,
                "local": None if local is None else local[0],
                "indexed": local is not None and local[1],
                "sent": pen.sent(f),
                "numbers": f"local:{k}" in engine.outputs,
                "one": is_one(f.local.node),
                "key": f"sent:{k}" if f"sent:{k}" in engine.outputs else "",
            }
        )
    return rows


def _sweep(engine: Engine) -> list[int]:
    """The stations in the order in which their cotangents are complete."""
    pen = words.Words(engine.journey)
    last = {f.wrt: k for k, f in enumerate(engine.journey.factors)}
    return [pen.number[n] for n in sorted(last, key=last.__getitem__)]


# ------------------------------------------------------------------ numbers


def _state(variable: Any, symbol: Any, model: Any) -> dict[str, Any]:
    return {
        "name": symbol.attrs["name"],
        "shape": list(np.shape(variable.value)),
        "dtype": symbol.dtype,
        "trained": variable in set(model.trainable_weights),
        **numbers(variable.value),
    }


def _data(node: Any, array: np.ndarray) -> dict[str, Any]:
    known = {"name": node.attrs["name"], "shape": list(array.shape), "dtype": node.dtype}
    if not node.type.is_float:  # a label or an index: what is in the data can be chosen
        known["most"] = int(array.max())
    return known | numbers(array)


def numbers(array: np.ndarray) -> dict[str, Any]:
    """An array as JSON: a list, one number for all, or the bytes of its floats."""
    flat = np.ravel(array)
    if flat.size > FEW and (flat == flat[0]).all():
        return {"all": flat[0].item(), "size": flat.size}
    if flat.size <= FEW or flat.dtype.kind != "f":
        return {"list": flat.tolist() if flat.dtype.name != "float32" else _short(flat)}
    little = flat.astype(flat.dtype.newbyteorder("<"))
    return {flat.dtype.name: base64.b64encode(little.tobytes()).decode()}


def _short(flat: np.ndarray) -> list[float]:
    """float32 numbers exactly as they are, which need more digits than float32 prints."""
    return [float(v) for v in flat]


# ------------------------------------------------------------------ program


def manifest(compiled: Compiled, keys: Iterable[str]) -> dict[str, Any]:
    """Which buffer of a program is what."""
    lowered = compiled.lowered
    return {
        "inputs": {n.attrs["name"]: b.name for n, b in lowered.inputs},
        "dtypes": {n.attrs["name"]: n.dtype for n, _ in lowered.inputs},
        "outputs": dict(zip(keys, (b.name for b in lowered.outputs), strict=True)),
        "constants": [
            {"buffer": b.name, "dtype": b.dtype, **numbers(v)} for b, v in lowered.constants
        ],
        "scalars": dict(
            zip((v.name for v in lowered.program.scalars), lowered.scalars, strict=True)
        ),
        "sizes": [v.name for v in lowered.program.sizes],
    }


def _optimizer(model: Any) -> dict[str, Any]:
    optimizer = model.optimizer
    return {
        "name": type(optimizer).__name__,
        "equations": words.equations(optimizer),
        "rate": "η" if hasattr(optimizer.learning_rate, "storage") else "",
    }
