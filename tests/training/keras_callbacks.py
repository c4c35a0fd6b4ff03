"""What Keras 3.15 does, by settings and by the losses of the epochs: a table of seen results."""

LOSSES = {
    "down_up": [5, 4, 3, 3.5, 3.2, 2.9, 3.1, 3.3, 3.4, 3.0, 2.8, 2.9],
    "flat": [1.0] * 8,
    "slow": [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65],
    "first_best": [1, 2, 3, 4, 5, 6],
}

# losses, settings, (epochs that ran, stopped_epoch, best_epoch, best)
EARLY_STOPPING = [
    ("down_up", {"patience": 0}, (4, 3, 2, 3.0)),
    ("down_up", {"patience": 1}, (4, 3, 2, 3.0)),
    ("down_up", {"patience": 2}, (5, 4, 2, 3.0)),
    ("down_up", {"patience": 3}, (9, 8, 5, 2.9)),
    ("down_up", {"patience": 2, "min_delta": 0.12}, (5, 4, 2, 3.0)),
    ("down_up", {"patience": 2, "baseline": 0.9}, (4, 3, 2, 3.0)),
    ("down_up", {"patience": 2, "start_from_epoch": 3}, (8, 7, 5, 2.9)),
    ("down_up", {"patience": 2, "mode": "max"}, (3, 2, 0, 5.0)),
    ("down_up", {"patience": 1, "baseline": 4.5, "min_delta": 0.1}, (4, 3, 2, 3.0)),
    ("flat", {"patience": 0}, (2, 1, 0, 1.0)),
    ("flat", {"patience": 1}, (2, 1, 0, 1.0)),
    ("flat", {"patience": 2}, (3, 2, 0, 1.0)),
    ("flat", {"patience": 3}, (4, 3, 0, 1.0)),
    ("flat", {"patience": 2, "min_delta": 0.12}, (3, 2, 0, 1.0)),
    ("flat", {"patience": 2, "baseline": 0.9}, (2, 1, 0, 1.0)),
    ("flat", {"patience": 2, "start_from_epoch": 3}, (6, 5, 3, 1.0)),
    ("flat", {"patience": 2, "mode": "max"}, (3, 2, 0, 1.0)),
    ("flat", {"patience": 1, "baseline": 4.5, "min_delta": 0.1}, (2, 1, 0, 1.0)),
    ("slow", {"patience": 0}, (8, 0, 7, 0.65)),
    ("slow", {"patience": 1}, (8, 0, 7, 0.65)),
    ("slow", {"patience": 2}, (8, 0, 7, 0.65)),
    ("slow", {"patience": 3}, (8, 0, 7, 0.65)),
    ("slow", {"patience": 2, "min_delta": 0.12}, (3, 2, 0, 1.0)),
    ("slow", {"patience": 2, "baseline": 0.9}, (8, 0, 7, 0.65)),
    ("slow", {"patience": 2, "start_from_epoch": 3}, (8, 0, 7, 0.65)),
    ("slow", {"patience": 2, "mode": "max"}, (3, 2, 0, 1.0)),
    ("slow", {"patience": 1, "baseline": 4.5, "min_delta": 0.1}, (2, 1, 0, 1.0)),
    ("first_best", {"patience": 0}, (2, 1, 0, 1.0)),
    ("first_best", {"patience": 1}, (2, 1, 0, 1.0)),
    ("first_best", {"patience": 2}, (3, 2, 0, 1.0)),
    ("first_best", {"patience": 3}, (4, 3, 0, 1.0)),
    ("first_best", {"patience": 2, "min_delta": 0.12}, (3, 2, 0, 1.0)),
    ("first_best", {"patience": 2, "baseline": 0.9}, (2, 1, 0, 1.0)),
    ("first_best", {"patience": 2, "start_from_epoch": 3}, (6, 5, 3, 4.0)),
    ("first_best", {"patience": 2, "mode": "max"}, (6, 0, 5, 6.0)),
    ("first_best", {"patience": 1, "baseline": 4.5, "min_delta": 0.1}, (2, 1, 0, 1.0)),
]

# losses, settings, the learning rate of each epoch, from 1.0 on, to eight digits
PLATEAU = [
    (
        "down_up",
        {"patience": 1, "factor": 0.5},
        [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.015625],
    ),
    (
        "down_up",
        {"patience": 2, "factor": 0.5},
        [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
    ),
    (
        "down_up",
        {"patience": 0, "factor": 0.5},
        [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.015625],
    ),
    (
        "down_up",
        {"patience": 1, "factor": 0.5, "cooldown": 2},
        [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125],
    ),
    (
        "down_up",
        {"patience": 1, "factor": 0.1, "min_lr": 0.05},
        [1.0, 1.0, 1.0, 1.0, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05],
    ),
    (
        "down_up",
        {"patience": 1, "factor": 0.5, "min_delta": 0.12},
        [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.0078125],
    ),
    (
        "down_up",
        {"patience": 1, "factor": 0.5, "mode": "max"},
        [
            1.0,
            1.0,
            0.5,
            0.25,
            0.125,
            0.0625,
            0.03125,
            0.015625,
            0.0078125,
            0.00390625,
            0.00195312,
            0.00097656,
        ],
    ),
    (
        "flat",
        {"patience": 1, "factor": 0.5},
        [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625],
    ),
    ("flat", {"patience": 2, "factor": 0.5}, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125]),
    (
        "flat",
        {"patience": 0, "factor": 0.5},
        [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625],
    ),
    (
        "flat",
        {"patience": 1, "factor": 0.5, "cooldown": 2},
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
    ),
    (
        "flat",
        {"patience": 1, "factor": 0.1, "min_lr": 0.05},
        [1.0, 1.0, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05],
    ),
    (
        "flat",
        {"patience": 1, "factor": 0.5, "min_delta": 0.12},
        [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625],
    ),
    (
        "flat",
        {"patience": 1, "factor": 0.5, "mode": "max"},
        [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625],
    ),
    ("slow", {"patience": 1, "factor": 0.5}, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("slow", {"patience": 2, "factor": 0.5}, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ("slow", {"patience": 0, "factor": 0.5}, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    (
        "slow",
        {"patience": 1, "factor": 0.5, "cooldown": 2},
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    (
        "slow",
        {"patience": 1, "factor": 0.1, "min_lr": 0.05},
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    (
        "slow",
        {"patience": 1, "factor": 0.5, "min_delta": 0.12},
        [1.0, 1.0, 0.5, 0.25, 0.25, 0.125, 0.0625, 0.0625],
    ),
    (
        "slow",
        {"patience": 1, "factor": 0.5, "mode": "max"},
        [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625],
    ),
    ("first_best", {"patience": 1, "factor": 0.5}, [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625]),
    ("first_best", {"patience": 2, "factor": 0.5}, [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]),
    ("first_best", {"patience": 0, "factor": 0.5}, [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625]),
    ("first_best", {"patience": 1, "factor": 0.5, "cooldown": 2}, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]),
    (
        "first_best",
        {"patience": 1, "factor": 0.1, "min_lr": 0.05},
        [1.0, 1.0, 0.1, 0.05, 0.05, 0.05],
    ),
    (
        "first_best",
        {"patience": 1, "factor": 0.5, "min_delta": 0.12},
        [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625],
    ),
    ("first_best", {"patience": 1, "factor": 0.5, "mode": "max"}, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
]

# losses, settings of save_best_only, the epochs after which the model is saved
CHECKPOINT = [
    ("down_up", {}, [1, 2, 3, 6, 11]),
    ("down_up", {"mode": "max"}, [1]),
    ("down_up", {"initial_value_threshold": 3.1}, [3, 6, 11]),
    ("flat", {}, [1]),
    ("flat", {"mode": "max"}, [1]),
    ("flat", {"initial_value_threshold": 3.1}, [1]),
    ("slow", {}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ("slow", {"mode": "max"}, [1]),
    ("slow", {"initial_value_threshold": 3.1}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ("first_best", {}, [1]),
    ("first_best", {"mode": "max"}, [1, 2, 3, 4, 5, 6]),
    ("first_best", {"initial_value_threshold": 3.1}, [1]),
]

# save_freq, the (epoch, batch) of each saving in three epochs of three batches
EVERY_SO_MANY = [
    (1, [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3)]),
    (2, [(1, 2), (2, 1), (2, 3), (3, 2)]),
    (3, [(1, 3), (2, 3), (3, 3)]),
    (4, [(2, 1), (3, 2)]),
    (5, [(2, 2)]),
]
