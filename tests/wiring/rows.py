"""For each setting a value that is not the default, and what is built of it."""

from pathlib import Path

from tests.wiring import table as see
from tests.wiring.conftest import CHANGING, SHORT
from tests.wiring.table import TRANSFORMS, Group, Row

FMA = ("data=fma", "data.root=FMA", "data.subset=small")
REAL = ("data=fma", "data.root=FMA", "model=cnn2d")
STUDY = ("recipe=study", "data=folder", "data.root=LIBRARY", "data.min_seconds=1", "executor.workers=1")
FOLDER = STUDY[1:]
MFCC = ("features@probe=mfcc", "probe.n_mfcc=13")
ARTIST = ("data.splits=artist",)
SECOND_FOLD = see.is_split("artist", fold=1, folds=3)
PLATEAU, STEP = "ReduceLROnPlateau", "StepLR"
EPOCHS_AND_LIMITS = ("max_epochs", "limit_train_batches", "limit_val_batches", "logger")
OVERFITTING = ("max_epochs", "overfit_batches", "patience", "augment", "scheduler")

DATA = [
    Group([Row("data.splits=stratified", see.is_split("stratified"), True)], ARTIST),
    Group([Row("data.splits=artist", see.is_split("artist"), True)]),
    Group([Row("data.splits=artist_album", see.is_split("artist_album"), True)]),
    Group([Row("data.fractions=[0.5,0.3,0.2]", see.split_sizes, (17, 10, 10))], ("data.splits=stratified",)),
    Group([Row("data.train_fraction=0.5", see.split_sizes, (16, 3, 6))], ("data.splits=stratified",)),
    Group([Row("data.splits=SPLIT.csv", see.split_of("rock/3.wav"), "test")]),
    Group([Row("data=table", lambda b: type(b.parts.source).__name__, "Table")], ("data.table=FIRST",)),
    Group(
        [
            Row("data.table=SECOND", see.split_of("rock/3.wav"), "test"),
            Row("data.columns={genre: kind}", lambda b: b.data.data.genres[0], "BLUES"),
        ],
        ("data=table", "data.table=FIRST", "data.splits=auto"),
    ),
    Group([Row("data.splits=official", see.is_split("official"), True)], FMA),
    Group([Row("data.fold=1", SECOND_FOLD, True), Row("data.folds=3", SECOND_FOLD, True)], ARTIST),
    Group([Row("data.split_seed=7", see.is_split("stratified", 7), True)]),
    Group([Row("data.split_seed=42", see.is_split("stratified", 42), True)], ("seed=7",)),
    Group(
        [
            Row("data.sampler=balanced", see.drawn, see.near(1 / 4, 0.2)),
            Row("data.min_seconds=1.5", see.reason(SHORT), "short"),
            Row("data.clip_seconds=1.6", lambda b: b.data.data.cache.spec.n_frames, 69),
            Row("data.clip_start=1.3", see.loudest(CHANGING), see.near(3000, 0.2)),
            Row("data.segment_seconds=1.55", see.windows, (67, 67)),
            Row("data.batch_size=5", lambda b: len(b.train_batch().target), 5),
            Row("data.min_batches=9", lambda b: len(b.data.train_dataloader()), 12),  # 3 passes of 19 tracks
            Row("data.num_workers=1", lambda b: b.data.train_dataloader().num_workers, 1),
        ]
    ),
    Group(
        [
            Row("data.exclude_genres=[jazz]", see.reason("jazz/0.wav"), "excluded_genre"),
            Row("data.min_tracks_per_genre=6", see.reason("polka/0.wav"), "rare_genre"),
            Row("data.segment_seconds=null", see.windows, (87, None)),
        ]
    ),
    Group([Row("data.licenses=[CC0*]", see.reason("fma_small/000/000002.mp3"), "excluded_license")], FMA),
    Group([Row("data.clip_start=middle", see.loudest(CHANGING), see.near(1200, 0.2))]),
    Group([Row("data.root=FMA", lambda b: (Path(b.parts.source.root) / "fma_small").is_dir(), True)]),
    Group([Row("data.subset=medium", lambda b: b.parts.source.subset, "medium")], FMA),
    Group([Row("data=folder", lambda b: type(b.parts.source).__name__, "Folder")], FMA),
    Group([Row("data=fma", lambda b: type(b.parts.source).__name__, "Fma")]),
    Group([Row("data=gtzan", lambda b: type(b.parts.source).__name__, "Gtzan")], ("data.root=GTZAN",)),
    Group([Row("data=synthetic", lambda b: type(b.parts.source).__name__, "Synthetic")], REAL, True),
]

FIVE_SECONDS = "data.clip_seconds=5", "data.segment_seconds=null", "~features.n_mels"
FEATURES = [
    Group(
        [
            Row("features.sample_rate=16000", see.feature("sample_rate"), 16000),
            Row("features.n_fft=1024", see.feature("n_fft"), 1024),
            Row("features.hop_length=256", lambda b: b.data.data.cache.spec.n_frames, 126),
            Row("features.n_mels=20", lambda b: b.train_batch().mel.shape[2], 20),
            Row("features.f_min=50", see.feature("f_min"), 50),
            Row("features.f_max=7000", see.feature("f_max"), 7000),
            Row("features.top_db=60", see.feature("top_db"), 60),
            Row("features.amin=1e-8", see.feature("amin"), 1e-8),
        ]
    ),
    Group([Row("features=mel", see.kind, "LogMel")], ("features=mfcc", "features.n_mels=32")),
    Group(
        [Row("features=mel64", see.feature("hop_length"), 1024)], ("data.segment_seconds=null", "data.clip_seconds=3")
    ),
    Group(
        [
            Row("features=mfcc", see.kind, "Mfcc"),
            Row("features.n_mfcc=13", lambda b: b.train_batch().mel.shape[2], 13),
        ]
    ),
    Group([Row("features=musicnn", see.kind, "Musicnn")], FIVE_SECONDS),
    Group(
        [
            Row("features.weights=WEIGHTS", see.weights, 1.0),
            Row("features.frames=4", lambda b: b.data.data.cache.spec.n_frames, 79),
            Row("features.pooling=max", see.pooling, "MaxPool1d"),
        ],
        ("features=musicnn", *FIVE_SECONDS),
    ),
]

OPTIONS = [
    Group(
        [
            Row("augment=none", see.members, (0.0, [])),
            Row("scheduler=none", see.scheduled, []),
            Row("logger=tensorboard", see.loggers, ["TensorBoardLogger"]),
            Row("trainer=auto", see.accelerated, ("auto", 1, "auto", False)),
        ]
    ),
    Group(
        [
            Row("augment=study", see.members, (0.8, TRANSFORMS)),
            Row("scheduler=plateau", see.scheduled, [PLATEAU]),
            Row("logger=none", see.loggers, []),
            Row("trainer=cpu", see.accelerated, ("cpu", 1, "auto", False)),
        ],
        ("augment=none", "scheduler=none", "logger=tensorboard", "trainer=auto"),
    ),
    Group(
        [
            *(Row(f"augment.{name}=null", see.members, (0.8, TRANSFORMS[3:])) for name in TRANSFORMS[:3]),
            Row("scheduler=step", see.scheduled, [STEP]),
            Row("logger=wandb", see.loggers, ["WandbLogger"]),
            Row("trainer=gpu", see.accelerated, ("gpu", 1, "auto", False)),
            Row("label=mine", see.labels, ["mine"]),
        ]
    ),
    Group(
        [
            *(Row(f"augment.{name}=null", see.members, (0.8, TRANSFORMS[:3])) for name in TRANSFORMS[3:]),
            Row("logger=mlflow", see.loggers, ["MLFlowLogger"]),
            Row("trainer=ddp", see.accelerated, ("gpu", "auto", "ddp", True)),
            Row("label=ours", see.labels, ["ours"]),
        ]
    ),
    Group([Row("augment=default", see.members, (1.0, ["equalizer", "frequency_mask", "time_mask", "mixup"]))]),
    Group(
        [
            Row("scheduler=cosine", see.scheduled, ["WarmupCosine"]),
        ],
    ),
    Group(
        [
            Row("scheduler.cosine.warmup=0.2", see.scheduler("warmup"), 0.2),
            Row("scheduler.cosine.final=0.1", see.scheduler("final"), 0.1),
            Row("scheduler.cosine.interval=epoch", see.steps, [4]),
        ],
        ("trainer.max_epochs=4", "scheduler=cosine"),
    ),
    Group(
        [
            Row("scheduler=one_cycle", see.scheduled, ["OneCycleLR"]),
        ],
    ),
    Group(
        [
            Row("scheduler.one_cycle.max_lr=0.5", lambda b: b.optimizer["max_lr"], 0.5),
            Row("scheduler.one_cycle.interval=epoch", see.steps, [4]),
        ],
        ("trainer.max_epochs=4", "scheduler=one_cycle"),
    ),
    Group([Row("scheduler=plateau_step", see.scheduled, [PLATEAU, STEP])], ("scheduler=none",)),
    Group([Row("scheduler=study", see.scheduler("factor"), 0.7)], ("scheduler=plateau",)),
    Group([Row("loss=focal", lambda b: getattr(b.begun.classifier.loss, "gamma", None), 2.0)]),
    Group([Row("loss.gamma=1.5", lambda b: b.begun.classifier.loss.gamma, 1.5)], ("loss=focal",)),
    Group([Row("loss=balanced_softmax", see.balance, True)]),
    Group([Row("loss.tau=0.5", see.balance, False)], ("loss=balanced_softmax",)),
    Group([Row("loss.label_smoothing=0.3", lambda b: b.loss.label_smoothing, 0.3)]),
    Group(
        [Row("loss=cross_entropy", lambda b: type(b.begun.classifier.loss).__name__, "CrossEntropyLoss")],
        ("loss=focal",),
    ),
    Group([Row("callbacks=ema", see.callbacks, ["EMAWeightAveraging"])]),
    Group([Row("callbacks.ema.decay=0.5", see.average, 0.5)], ("callbacks=ema",)),
    Group([Row("callbacks=lr_monitor", see.callbacks, ["LearningRateMonitor"])]),
    Group([Row("callbacks.lr_monitor.logging_interval=epoch", see.interval, "epoch")], ("callbacks=lr_monitor",)),
    Group([Row("callbacks=none", see.callbacks, [])], ("callbacks=ema",)),
    Group([Row("optimizer=adamw", see.optimizer, "AdamW")]),
    Group(
        [Row("optimizer.decay_norms_and_biases=false", see.decays, {0.0001: True, 0.0: False})], ("optimizer=adamw",)
    ),
    Group([Row("optimizer=adam", see.optimizer, "Adam")], ("optimizer=sgd",)),
    Group(
        [
            Row("optimizer.momentum=0.8", lambda b: b.optimizer["momentum"], 0.8),
            Row("optimizer.nesterov=false", lambda b: b.optimizer["nesterov"], False),
        ],
        ("optimizer=sgd",),
    ),
    Group([Row("optimizer=sgd", see.optimizer, "SGD")]),
    Group([Row("recipe=default", see.method, ("AdamW", ["OneCycleLR"], 5.0, 32, "last"))], STUDY, True),
    Group([Row("recipe=study", see.method, ("Adam", [PLATEAU, STEP], None, 16, "best"))], FOLDER, True),
    Group([Row("teacher=features", see.teacher, (13, 10.0))], MFCC),
    Group([Row("teacher.weight=2", see.teacher, (13, 2.0))], ("teacher=features", *MFCC)),
    Group([Row("recipe=distill", see.teacher, (13, 10.0))], (*FIVE_SECONDS, *MFCC)),
    Group([Row("recipe=pretrained", see.kind, "Musicnn")], FIVE_SECONDS),
    Group([Row("teacher=none", see.teacher, None)], ("teacher=features", *MFCC)),
    Group([Row("callbacks=[ema,lr_monitor]", see.callbacks, ["EMAWeightAveraging", "LearningRateMonitor"])]),
    Group(
        [Row("augment.mixup=null", see.members, (1.0, ["equalizer", "frequency_mask", "time_mask"]))],
        ("augment=default",),
    ),
    Group([Row("logger=[tensorboard,wandb]", see.loggers, ["TensorBoardLogger", "WandbLogger"])]),
]

VALUES = [
    Row("augment.p=0.3", lambda b: b.data.augment.p, 0.3),
    *(
        Row(f"augment.{name}.{key}={value}", see.transform(name, key), value)
        for name, values in {
            "frequency_mask": {"width": 3, "count": 1, "p": 0.11},
            "time_mask": {"width": 7, "count": 3, "share": 0.1, "p": 0.12},
            "amplitude_scale": {"low": 0.5, "high": 1.5, "p": 0.13},
            "time_shift": {"share": 0.2, "p": 0.14},
            "noise": {"sigma": 0.01, "p": 0.15},
            "frequency_shift": {"bins": 1, "p": 0.16},
        }.items()
        for key, value in values.items()
    ),
    *(
        Row(f"augment.{name}.{key}={value}", see.transform(name, key), value)
        for name, key, value in (("frequency_mask", "fill", "mean"), ("time_mask", "fill", "mean"))
    ),
    Row("model.learning_rate=0.02", lambda b: b.optimizer["lr"], 0.02),
    Row("model.weight_decay=0.03", lambda b: b.optimizer["weight_decay"], 0.03),
    Row("callbacks.timer._target_=lightning.pytorch.callbacks.Timer", see.has_timer, True),
    Row("model.input_norm=true", lambda b: type(b.net.input_norm).__name__, "BatchNorm1d"),
    Row("model.channels_last=true", see.is_channels_last, True),
    Row("model.label_smoothing=0.2", lambda b: b.loss.label_smoothing, 0.2),
    Row("model.class_weights=true", see.inverse_counts, True),
    Row("size.hidden_dim=7", see.channels, 7),
    Row("size.epochs=9", lambda b: b.settings.size.epochs, 9),
    Row("scheduler.plateau.patience=4", see.scheduler("patience"), 4),
    Row("scheduler.plateau.factor=0.3", see.scheduler("factor"), 0.3),
    Row("scheduler.plateau.threshold=0.01", see.scheduler("threshold"), 0.01),
    Row("scheduler.plateau.threshold_mode=rel", see.scheduler("threshold_mode"), "rel"),
    Row("scheduler.step.step_size=3", see.scheduler("step_size"), 3),
    Row("scheduler.step.gamma=0.4", see.scheduler("gamma"), 0.4),
    Row("monitor.metric=val/f1_macro", lambda b: [b.stopping.monitor, b.best.monitor], ["val/f1_macro"] * 2),
    Row("monitor.mode=max", lambda b: [b.stopping.mode, b.best.mode, see.scheduler("mode")(b)], ["max"] * 3),
    Row("early_stopping.patience=3", lambda b: b.stopping.patience, 3),
    *(
        Row(f"trainer.{name}={value}", see.trainer(name), value)
        for name, value in {
            "max_epochs": 7,
            "precision": "bf16-mixed",
            "gradient_clip_val": 0.5,
            "accumulate_grad_batches": 2,
            "limit_train_batches": 3,
            "limit_val_batches": 2,
            "deterministic": "warn",
            "benchmark": False,
            "detect_anomaly": True,
            "profiler": "simple",
            "sync_batchnorm": True,
        }.items()
    ),
]

MODEL = [
    Group([Row("model=cnn1d_gru", see.layers, ["Conv1d", "GRU"])]),
    Group([Row("model=cnn1d_lstm", see.layers, ["Conv1d", "LSTM"])]),
    Group([Row("model=cnn2d_gru", see.layers, ["Conv2d", "GRU"])]),
    Group([Row("model=cnn2d_lstm", see.layers, ["Conv2d", "LSTM"])]),
    Group([Row("model=cnn2d", see.layers, ["Conv2d"])], ("model=logreg",)),
    Group([Row("model=logreg", see.layers, ["MelStatisticsClassifier"])]),
    Group([Row("model=majority", see.layers, ["ClassPrior"])]),
    Group([Row("model=probe", see.kind, "Musicnn")], FIVE_SECONDS),
    Group([Row("probe.pooling=max", see.pooling, "MaxPool1d")], ("model=probe", *FIVE_SECONDS)),
    Group(
        [
            Row("model.net.hidden_dim=6", see.channels, 6),
            Row("model.net.num_layers=3", lambda b: see.rnn(b).num_layers, 3),
            Row("model.net.dropout=0.45", see.dropouts, [0.45, 0.45]),
            Row("model.net.rnn_dropout=0.15", lambda b: see.rnn(b).dropout, 0.15),
            Row("model.net.bidirectional=false", lambda b: see.rnn(b).bidirectional, False),
            Row("model.net.pooling=last", see.ends_with_the_last_state, True),
            Row("model.net.pool_sizes=[1,3]", see.pools, [1, 3]),
        ],
        ("model=cnn1d_gru",),
    ),
]

RUN = [
    Group(VALUES, ("scheduler=plateau_step",)),
    Group(
        [
            *(
                Row(f"augment.equalizer.{key}={value}", see.equalizer(key), seen)
                for key, value, seen in (("points", 3, 3), ("db", 3.0, 3 / 80), ("p", 0.4, 0.4))
            ),
            Row("augment.mixup.alpha=0.2", lambda b: b.data.augment.batch_transforms["mixup"].alpha, 0.2),
            Row("augment.mixup.p=0.9", lambda b: b.data.augment.batch_transforms["mixup"].p, 0.9),
        ],
        ("augment=default",),
    ),
    Group([Row("augment.equalizer.range_db=60", see.equalizer("db"), 0.1)], ("augment=default",)),
    Group([Row("ckpt_path=TRAINED", see.first_weight, 0.5)]),
    Group([Row("monitor.select=last", lambda b: b.selected, ["last"])]),
    Group(
        [
            Row("seed=7", see.seeded(7), True),
            Row("best=SEARCHED", lambda b: b.optimizer["lr"], 0.007),
            Row("early_stopping.patience=null", lambda b: len(b.stoppings), 0),
            Row("finished=skip", lambda b: b.repeated(), 0.25),
        ]
    ),
    Group(
        [
            Row("optimizer.lr=0.04", lambda b: b.optimizer["lr"], 0.04),
            Row("optimizer.weight_decay=0.05", lambda b: b.optimizer["weight_decay"], 0.05),
            Row("optimizer.betas=[0.8,0.9]", lambda b: b.optimizer["betas"], (0.8, 0.9)),
        ]
    ),
    Group([Row("optimizer._target_=torch.optim.AdamW", see.optimizer, "AdamW")]),
    Group([Row("run_dir=HOME/elsewhere", lambda b: b.run_dir()[-10:], "/elsewhere")]),
    Group([Row("paths.runs=HOME/mine", lambda b: "/mine/folder/" in b.run_dir(), True)]),
    Group([Row("paths.cache=HOME/cached", lambda b: b.parts.cache.folder.parent.name, "cached")]),
    Group([Row("paths.data=HOME/data", lambda b: b.parts.cache.folder.parent.parent.name, "data")]),
    Group([Row("executor=local", see.workers, ("ProcessPoolExecutor", 1))]),
    Group([Row("executor.workers=3", see.workers, ("ProcessPoolExecutor", 3))]),
    Group([Row("debug=fast", see.debugged(*EPOCHS_AND_LIMITS), [1, 2, 2, []])], bare=True),
    Group([Row("debug=limit", see.debugged(*EPOCHS_AND_LIMITS), [3, 0.1, 1.0, []])], bare=True),
    Group([Row("debug=profile", see.debugged("max_epochs", "profiler"), [1, "simple"])], bare=True),
    Group([Row("debug=overfit", see.debugged(*OVERFITTING), [50, 2, None, [], []])], bare=True),
    Group([Row("data=synthetic", see.sizes, (10.0, 3.0, 2.0, 32, 64, 32, 10))], REAL, True),
]

GROUPS = [*DATA, *FEATURES, *OPTIONS, *MODEL, *RUN]
