"""The example's training frame: one row a scheduled departure, known as it was at that moment."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
from ibis import _
from ibis.expr.types import Column, Table

LATE_MINUTES = 15
PAST_DAYS = 7
KEY = ("date", "carrier", "flight", "origin")
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")


def prepare(tables: Mapping[str, Table]) -> Table:
    """Join schedule, outcomes and weather into the frame that the model is trained on.

    Parameters
    ----------
    tables
        `schedule` (one row a planned departure), `outcomes` (one row a departure whose outcome
        is known; minutes) and `weather` (one row an airport and UTC hour).

    Returns
    -------
    Table
        One row a planned departure with its key, `departs` (UTC), `status`, the label `late`
        (null where no arrival is known) and the features.
    """
    flights = with_label(with_schedule(tables["schedule"]), tables["outcomes"])
    flights = with_weather(flights, tables["weather"])
    known = known_outcomes(tables["outcomes"])
    flights = with_past_rate(flights, known, by="carrier")
    return with_past_rate(flights, known, by="origin")


def with_schedule(schedule: Table) -> Table:
    """Add what the timetable alone says: the time of day, the weekday, the block and the rush."""
    minute_of_day = minutes(_.sched_dep_time)
    return schedule.mutate(
        departs=_.time_hour + (_.sched_dep_time % 100).as_interval("m"),
        hour=_.sched_dep_time // 100,
        minute_of_day=minute_of_day,
        weekday=_.date.day_of_week.index(),
        block=(minutes(_.sched_arr_time) - minute_of_day + 1440) % 1440,
        hour_departures=_.count().over(group_by=["origin", "time_hour"]),
    ).drop("sched_dep_time", "sched_arr_time")


def minutes(clock: Column) -> Column:
    """Minutes since midnight of a clock time written as hhmm."""
    return clock // 100 * 60 + clock % 100


def with_label(flights: Table, outcomes: Table) -> Table:
    """Add the label where the flight has arrived, and for every flight what became of it."""
    arrived = outcomes.select(*KEY, "dep_delay", "arr_delay", "known_at")
    return (
        flights.left_join(arrived, list(KEY), rname="arrived_{name}")
        .mutate(
            late=_.arr_delay > LATE_MINUTES,
            status=ibis.cases(
                (_.known_at.isnull(), "pending"),
                (_.arr_delay.notnull(), "arrived"),
                (_.dep_delay.isnull(), "cancelled"),
                else_="diverted",
            ),
        )
        .drop("dep_delay", "arr_delay", "known_at", *(f"arrived_{column}" for column in KEY))
    )


def with_weather(flights: Table, weather: Table) -> Table:
    """Add the weather of the hour before: the record of an hour is measured at its 51st minute."""
    before = weather.mutate(time_hour=_.time_hour + ibis.interval(hours=1)).select("origin", "time_hour", *WEATHER)
    return flights.left_join(before, ["origin", "time_hour"]).drop("origin_right", "time_hour_right")


def known_outcomes(outcomes: Table) -> Table:
    """Arrivals with the day from whose end on they count: 04:00 UTC is never after midnight in New York."""
    known_day = (_.known_at - ibis.interval(hours=4)).date()
    late = _.arr_delay > LATE_MINUTES
    return outcomes.filter(_.arr_delay.notnull()).select("carrier", "origin", late=late, known_day=known_day)


def with_past_rate(flights: Table, known: Table, by: str) -> Table:
    """Add `{by}_past_rate`: the share of late arrivals in the past days, relative to the whole system's."""
    days = flights.select("date").distinct()
    daily = known.group_by("known_day", by).agg(late=_.late.sum(), arrivals=_.count())
    past = days.join(
        daily,
        [days.date > daily.known_day, days.date <= daily.known_day + ibis.interval(days=PAST_DAYS)],
    )
    rates = (
        past.group_by("date", by)
        .agg(late=_.late.sum(), arrivals=_.arrivals.sum())
        .mutate(
            past_rate=_.late / _.arrivals - _.late.sum().over(group_by="date") / _.arrivals.sum().over(group_by="date")
        )
        .select("date", by, _.past_rate.name(f"{by}_past_rate"))
    )
    return flights.left_join(rates, ["date", by]).drop("date_right", f"{by}_right")
