"""The traffic of a deployment: requests, times, and what its processes use."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from hopsartifacts.deployments.deployed import Deployed
from hopsartifacts.deployments.versions import read_deployment
from hopsartifacts.errors import InvalidInputError
from hopsartifacts.rest.api.conventions import (
    DEFAULT_LIMIT,
    cursor_text,
    cursor_value,
    operations,
)
from hopsartifacts.rest.api.deployments import DEPLOYMENT, name_of
from hopsartifacts.rest.operations import OperationCall
from hopsartifacts.serving.contract import ProcessUsage
from hopsartifacts.serving.inference_log.exchanges import LoggedExchange, Mark
from hopsartifacts.serving.traffic import (
    HOUR_S,
    MINUTE_S,
    Counts,
    Period,
    Traffic,
    total,
)

MOST_STEPS = 1000
_DEFAULT_STEPS = 120
_MOST_S = 400 * 24 * HOUR_S
_LAST_S = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""Later times cannot be rounded up to whole steps."""
_MOST_CHARACTERS = 16 * 1024
"""Longer bodies of logged requests and answers are cut."""

Source = Literal["processes", "inference_log"]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests were answered, and how quickly.

    Attributes:
        requests: all of them.
        errors: those with status 400 or higher.
        server_errors: those with status 500 or higher.
        p50_ms: the time in which half of them were answered; null if it is not known.
        p95_ms: the same for 95 of 100.
        p99_ms: the same for 99 of 100.
    """

    requests: int
    errors: int
    server_errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class TrafficStep(Measured, frozen=True, kw_only=True):
    """The requests of one part of a period, from *start* on."""

    start: datetime


class DeploymentTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """The requests to a deployment in a period.

    Attributes:
        source: ``processes``: counted by the processes of the deployment on this
            machine; ``inference_log``: counted in the log, which has no response times.
        since: requests are known from here on; null if none ever were. Steps before it
            are left out.
        start: where the first step of the period starts.
        end: the end of the period.
        step_s: the length of a step.
        total: all steps together.
        steps: the steps, oldest first.
    """

    source: Source
    since: datetime | None
    start: datetime
    end: datetime
    step_s: int
    total: Measured
    steps: list[TrafficStep]


_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class TrafficQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters: a period, and in which steps to count.

    Attributes:
        start: by default an hour before its end.
        end: by default now.
        step: seconds, whole minutes; by default as few steps as show the period well.
            Single minutes are kept for a day, hours for 31 days.
        source: by default the processes if they ever counted, and otherwise the log.
    """

    start: _Moment | None = msgspec.field(default=None, name="from")
    end: _Moment | None = msgspec.field(default=None, name="to")
    step: Annotated[int, msgspec.Meta(ge=MINUTE_S, le=31 * 24 * HOUR_S)] | None = None
    source: Source | None = None


class LoggedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One logged request and its answer.

    Attributes:
        time: when the request arrived.
        id: the id that the client gave, or a new one.
        deployment_version: the version that answered.
        model_version: the version of its model.
        status: the HTTP status of the answer.
        request: the body of the request; null if requests are not logged.
        answer: the body of the answer; null if answers are not logged.
        is_cut: whether a body is longer than what is shown.
    """

    time: datetime
    id: str
    deployment_version: int
    model_version: int
    status: int
    request: str | None
    answer: str | None
    is_cut: bool


class LoggedRequests(msgspec.Struct, frozen=True, kw_only=True):
    """Logged requests, newest first.

    Attributes:
        items: the requests; there may be fewer than *limit* although there are more.
        next: the ``cursor`` of the next requests; null at the end of the log.
        is_logged: whether the active version logs its requests to the project.
        advice: how to have them logged; null if they are.
    """

    items: list[LoggedRequest]
    next: str | None
    is_logged: bool
    advice: str | None


class RequestQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Query parameters: how many, and where to continue."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = DEFAULT_LIMIT
    cursor: str = ""


class DeploymentUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of a deployment use now; no processes if nothing runs."""

    processes: list[ProcessUsage]


def _traffic(call: OperationCall) -> DeploymentTraffic:
    sealed = read_deployment(call.hosted.storage, name_of(call))
    period, wanted = _period(call.query), call.query.source
    serving = call.hosted.project.get_model_serving()
    source: Source = wanted or "processes"
    counted = Traffic()
    if source == "processes":
        counted = serving.traffic_of(sealed.key, period)
    is_unknown = wanted is None and counted.since_s is None
    if wanted == "inference_log" or (is_unknown and _is_logged(sealed)):
        source = "inference_log"
        known = call.hosted.log_files
        counted = serving.logged_traffic_of(sealed, period, known)
    since = counted.since_s
    return DeploymentTraffic(
        source=source,
        since=None if since is None else _utc(since),
        start=_utc(period.start_s),
        end=_utc(period.end_s),
        step_s=period.step_s,
        total=Measured(**_measured(total(it.counts for it in counted.steps))),
        steps=[
            TrafficStep(start=_utc(it.start_s), **_measured(it.counts))
            for it in counted.steps
        ],
    )


def _period(wanted: TrafficQuery) -> Period:
    """Return the period that is asked for, in whole steps.

    Raises:
        InvalidInputError: it ends before it begins, or has too many steps.
    """
    now_s = time.time()
    end_s = wanted.end.timestamp() if wanted.end else now_s
    start_s = wanted.start.timestamp() if wanted.start else end_s - HOUR_S
    lasts_s = end_s - start_s
    if not 0 < lasts_s <= _MOST_S or start_s < 0 or end_s > _LAST_S:
        raise InvalidInputError(
            f"from and to: the period lasts {lasts_s:.0f} seconds; give a period that "
            f"begins before it ends, after 1970 and before 9999, and lasts at most 400 "
            f"days"
        )
    step_s = wanted.step or _step_s(lasts_s)
    if step_s % MINUTE_S:
        raise InvalidInputError(
            f"step {step_s}: give whole minutes, as a multiple of {MINUTE_S} seconds"
        )
    if lasts_s / step_s > MOST_STEPS:
        raise InvalidInputError(
            f"step {step_s}: the period has more than {MOST_STEPS} steps; give a "
            f"longer step, or a shorter period"
        )
    start = int(start_s // step_s) * step_s
    end = -int(-end_s // step_s) * step_s
    return Period(start_s=start, end_s=end, step_s=step_s)


def _step_s(lasts_s: float) -> int:
    """Return the shortest usual step that has not too many steps in the period."""
    usual = (MINUTE_S, 5 * MINUTE_S, 15 * MINUTE_S, HOUR_S, 6 * HOUR_S)
    for step_s in usual:
        if lasts_s / step_s <= _DEFAULT_STEPS:
            return step_s
    return 24 * HOUR_S


def _measured(counts: Counts) -> dict[str, Any]:
    return {
        "requests": counts.requests,
        "errors": counts.errors,
        "server_errors": counts.server_errors,
        "p50_ms": counts.percentile_ms(0.5),
        "p95_ms": counts.percentile_ms(0.95),
        "p99_ms": counts.percentile_ms(0.99),
    }


def _requests(call: OperationCall) -> LoggedRequests:
    wanted: RequestQuery = call.query
    sealed = read_deployment(call.hosted.storage, name_of(call))
    before = cursor_value(wanted.cursor, Mark) if wanted.cursor else None
    found = call.hosted.project.get_model_serving().logged_exchanges_of(
        sealed, call.hosted.log_files, limit=wanted.limit, before=before
    )
    is_logged = _is_logged(sealed)
    return LoggedRequests(
        items=[_shown(it) for it in found.items],
        next=None if found.next is None else cursor_text(found.next),
        is_logged=is_logged,
        advice=None if is_logged else _advice(sealed),
    )


def _is_logged(sealed: Deployed) -> bool:
    logger = sealed.current.specification.inference_logger
    return logger is not None and logger.mode != "NONE" and not logger.kafka_topic


def _advice(sealed: Deployed) -> str:
    name, logger = sealed.name, sealed.current.specification.inference_logger
    if logger is not None and logger.kafka_topic:
        return (
            f"deployment {name!r} logs its requests to Kafka topic "
            f"{logger.kafka_topic.name!r}: read them there, or save it with an "
            "inference_logger without a topic"
        )
    return (
        f"deployment {name!r} does not log its requests: save it with "
        "inference_logger={'mode': 'ALL'}"
    )


def _shown(exchange: LoggedExchange) -> LoggedRequest:
    bodies = (exchange.request, exchange.answer)
    return LoggedRequest(
        time=exchange.time,
        id=exchange.id,
        deployment_version=exchange.deployment_version,
        model_version=exchange.model_version,
        status=exchange.status,
        request=exchange.request and exchange.request[:_MOST_CHARACTERS],
        answer=exchange.answer and exchange.answer[:_MOST_CHARACTERS],
        is_cut=any(len(it or "") > _MOST_CHARACTERS for it in bodies),
    )


def _usage(call: OperationCall) -> DeploymentUsage:
    sealed = read_deployment(call.hosted.storage, name_of(call))
    serving = call.hosted.project.get_model_serving()
    return DeploymentUsage(processes=serving.usage_of(sealed))


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


_operation = operations("deployments", "deploy")

OPERATIONS = (
    _operation(
        "GET",
        f"{DEPLOYMENT}/traffic",
        _traffic,
        "Requests, errors and times of a deployment, over a period in steps",
        query=TrafficQuery,
        answer=DeploymentTraffic,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/requests",
        _requests,
        "Logged requests and their answers, newest first",
        query=RequestQuery,
        answer=LoggedRequests,
    ),
    _operation(
        "GET",
        f"{DEPLOYMENT}/usage",
        _usage,
        "Processor time and memory that its processes use now",
        answer=DeploymentUsage,
    ),
)
