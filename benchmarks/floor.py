"""The floor: import, join, fit and score as one bare script, with nothing around it.

`python benchmarks/floor.py '2014-01-01 00:00-05' '2013-12-01 00:00-05'` trains on all months before
the last and scores the last. It is what `make run` is measured against, so it is written to be
fast, and a test holds its answers against the pipeline's.
"""

from __future__ import annotations

import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"

import duckdb
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

CATEGORICAL = ["carrier", "origin", "dest"]
NUMERIC = [
    *["minute_of_day", "weekday", "block", "distance", "hour_departures"],
    *["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"],
    *["carrier_past_rate", "origin_past_rate"],
]

JOIN = """
WITH schedule AS (FROM 'data/raw/schedule/*.parquet' WHERE time_hour < $until::TIMESTAMPTZ),
outcomes AS (FROM 'data/raw/outcomes/*.parquet' WHERE known_at < $until::TIMESTAMPTZ),
known AS (
  SELECT carrier, origin, arr_delay > 15 AS late, (known_at - INTERVAL 4 HOUR)::DATE AS day
  FROM outcomes WHERE arr_delay IS NOT NULL
),
days AS (SELECT DISTINCT date FROM schedule),
by_carrier AS (
  SELECT date, carrier, sum(late) AS late, sum(n) AS n
  FROM days JOIN (SELECT day, carrier, sum(late::INT) AS late, count(*) AS n FROM known GROUP BY ALL)
    ON date > day AND date <= day + 7
  GROUP BY ALL
),
by_origin AS (
  SELECT date, origin, sum(late) AS late, sum(n) AS n
  FROM days JOIN (SELECT day, origin, sum(late::INT) AS late, count(*) AS n FROM known GROUP BY ALL)
    ON date > day AND date <= day + 7
  GROUP BY ALL
),
carrier_rate AS (
  SELECT date, carrier, late / n - sum(late) OVER (PARTITION BY date) / sum(n) OVER (PARTITION BY date) AS rate
  FROM by_carrier
),
origin_rate AS (
  SELECT date, origin, late / n - sum(late) OVER (PARTITION BY date) / sum(n) OVER (PARTITION BY date) AS rate
  FROM by_origin
)
SELECT s.date, s.carrier, s.origin, s.dest, o.arr_delay > 15 AS late, s.time_hour >= $since::TIMESTAMPTZ AS holdout,
  (sched_dep_time // 100 * 60 + sched_dep_time % 100)::FLOAT AS minute_of_day,
  (isodow(s.date) - 1)::FLOAT AS weekday,
  ((sched_arr_time // 100 * 60 + sched_arr_time % 100 - sched_dep_time // 100 * 60 - sched_dep_time % 100 + 1440)
    % 1440)::FLOAT AS block,
  distance::FLOAT AS distance,
  (count(*) OVER (PARTITION BY s.origin, s.time_hour))::FLOAT AS hour_departures,
  temp, dewp, humid, wind_dir::FLOAT AS wind_dir, wind_speed, wind_gust, precip, pressure, visib,
  c.rate::FLOAT AS carrier_past_rate, r.rate::FLOAT AS origin_past_rate
FROM schedule s
LEFT JOIN outcomes o USING (date, carrier, flight, origin)
LEFT JOIN 'data/raw/weather.parquet' w ON w.origin = s.origin AND w.time_hour + INTERVAL 1 HOUR = s.time_hour
LEFT JOIN carrier_rate c ON c.date = s.date AND c.carrier = s.carrier
LEFT JOIN origin_rate r ON r.date = s.date AND r.origin = s.origin
ORDER BY s.date, s.carrier, s.flight, s.origin
"""


def main(until: str, since: str) -> dict[str, float]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(JOIN, {"until": until, "since": since}).df()
    rows = rows[rows["late"].notna()]
    y = rows["late"].to_numpy(dtype=np.int64)
    holdout = rows["holdout"].to_numpy(dtype=bool)
    features = rows[CATEGORICAL + NUMERIC]
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, dtype=np.float32
    )
    model = Pipeline(
        [
            ("columns", ColumnTransformer([("c", encoder, CATEGORICAL), ("n", "passthrough", NUMERIC)])),
            (
                "estimator",
                HistGradientBoostingClassifier(
                    max_iter=200,
                    learning_rate=0.1,
                    min_samples_leaf=200,
                    l2_regularization=10.0,
                    early_stopping=False,
                    random_state=0,
                ),
            ),
        ]
    )
    model.fit(features[~holdout], y[~holdout])
    score = model.predict_proba(features[holdout])[:, 1]
    late = y[holdout]
    return {
        "roc_auc": float(roc_auc_score(late, score)),
        "average_precision": float(average_precision_score(late, score)),
        "log_loss": float(log_loss(late, score)),
        "brier": float(brier_score_loss(late, score)),
    }


if __name__ == "__main__":
    print(main(*sys.argv[1:3]))
