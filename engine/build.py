"""Joins the build stages: from a model's config to an active generation, with status and report."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from .config import ModelConfig
from .deploying import Learnt, deploy, label_entries, tables_of
from .encode.names import MINI
from .encoders import Encoders
from .features.words import build_words
from .freezing import describe_users, frozen_baskets
from .hiding import hidden_in_tables
from .inputs import Inputs, content_of, judged_labels, read_inputs, word_columns
from .labels import refuse_unfit
from .learn.splits import HELD_OUT, user_time_split
from .learning import Content, Learning, Lesson
from .newcomers import NewcomerModel, learn_newcomers
from .rank.value_model import compile_value_model
from .scoring import check_policy, prior_policy
from .sources.connect import Binding
from .stand_ins import refuse_unfit_stand_ins
from .store.home import Home
from .store.recipe import Recipe
from .store.status import State, Status, StatusWriter
from .trial import Trial, run_trial

__all__ = ["build_model"]


def build_model(
    home: Home,
    config: ModelConfig,
    recipe: Recipe,
    *,
    encoders: Encoders,
    connections: Mapping[str, Binding],
    allow_hosts: Collection[str],
    listener: Callable[[Status], None],
) -> None:
    """Build the next generation of a model and make it the active one.

    Runs SCHEDULING, FETCHING, TUNING, TRAINING and DEPLOYING in the foreground. Whatever ends it
    early is kept in the status as ERROR; a generation that was active stays so. The caller holds
    the model's lock.

    Parameters
    ----------
    home, config
        Where, and what.
    recipe
        How it was asked for; takes the place of the earlier one when the build is active.
    encoders
        Where the encoder that the config names is opened.
    connections
        Bindings by connector id that the config itself does not have.
    allow_hosts
        Hosts on private addresses that pictures may be fetched from.
    listener
        Called with every change of status.

    Raises
    ------
    SightlineError
        With what is wrong and what to do.
    """
    folder = home.model(config.name)
    recipe.propose(folder)
    with StatusWriter(folder, listener).ending() as status:
        _build(home, config, encoders, connections, allow_hosts, status)


def _build(
    home: Home,
    config: ModelConfig,
    encoders: Encoders,
    connections: Mapping[str, Binding],
    allow_hosts: Collection[str],
    status: StatusWriter,
) -> None:
    status.stage(State.FETCHING)
    encoder = encoders.open(config.encoder or MINI, progress=status.progress)
    record = encoders.record(encoder)
    check_policy(config.policies.scoring)  # before the work of hours
    if config.inference.value_model is not None:
        compile_value_model(config.inference.value_model)
    for column in config.labels:
        refuse_unfit(column.asked, record)
    refuse_unfit_stand_ins(config.images, record)
    inputs = read_inputs(home, config, connections, allow_hosts, encoder, status)
    record["given"] = inputs.given
    refuse_unfit_stand_ins(config.images, record)  # with what is known now of given vectors
    judged = judged_labels(config.labels, record, encoder.texts, inputs, status)
    status.stage(State.TUNING)
    words = build_words(inputs.tables.items.frame, word_columns(inputs.tables))
    content = content_of(inputs, words, config.images.missing)
    learning = Learning(
        config.policies, config.interaction_half_life_days, threads=encoders.compute.cores
    )
    trial, metrics = _tune(learning, content, inputs, status)
    policy = prior_policy(config.policies.scoring) if trial is None else trial.policy
    status.stage(State.TRAINING)
    known = None if trial is None else trial.lesson
    lesson = learning.of(content, inputs.interactions, status.progress, like=known)
    learnt = Learnt(
        content,
        words,
        lesson,
        policy,
        _newcomers(inputs, lesson),
        frozen_baskets(inputs.tables, config, lesson.collaborative, learning.threads),
        metrics,
    )
    status.stage(State.DEPLOYING)
    tables = tables_of(inputs, lesson, judged)
    deploy(home, config, record, inputs, learnt, tables, label_entries(judged), status)
    Recipe.adopt(home.model(config.name))
    status.stage(State.ACTIVE)


def _tune(
    learning: Learning, content: Content, inputs: Inputs, status: StatusWriter
) -> tuple[Trial | None, dict[str, Any]]:
    """Learn the policy, and judge the ranking on what people picked last, beside popularity."""
    earlier, later = user_time_split(inputs.interactions)
    hidden = hidden_in_tables(inputs.tables, inputs.user_ids)
    trial = run_trial(learning, content, earlier, later, status.progress, hidden=hidden)
    if trial is None:
        reason = "not measured: no user has the five events that a held-out part needs"
        return None, {"note": reason + hidden.proviso}
    personal = trial.judge(trial.rank, status.progress, "held-out ranking")
    popular = trial.judge(trial.popular, status.progress, "held-out popularity")
    return trial, {
        "split": HELD_OUT["user-time"],
        "personal": personal.metrics().to_dict(),
        "popularity": popular.metrics().to_dict(),
        "hidden": trial.left_out,
    }


def _newcomers(inputs: Inputs, lesson: Lesson) -> NewcomerModel | None:
    described = inputs.tables.users
    if described is None or len(described.frame.columns) == 1:
        return None
    users = describe_users(inputs.user_ids, described)
    taste = lesson.catalogue.taste
    return learn_newcomers(users, described.roles, inputs.interactions, taste)
