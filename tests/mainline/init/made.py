"""Made tables that `make init` was not written for: transactions whose labels come later, and rides in folders."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

TRANSACTIONS_START = pd.Timestamp("2025-01-01")


def transactions(folder: Path, rows: int = 20_000, days: int = 365, seed: int = 0) -> tuple[Path, Path]:
    """A European export (`;`, decimal comma, byte order mark, DD/MM/YYYY), and its labels, each 30 days later."""
    random = np.random.default_rng(seed)
    at = TRANSACTIONS_START + pd.to_timedelta(np.sort(random.uniform(0, days * 86400, rows)).astype(int), unit="s")
    category = random.choice(["food", "travel", "games", "bills", "clothes"], rows, p=[0.4, 0.1, 0.1, 0.3, 0.1])
    country = random.choice(["DE", "FR", "PL", "NL"], rows, p=[0.7, 0.1, 0.1, 0.1])
    device = random.choice(["app", "web", "card"], rows)
    amount = random.lognormal(3, 1, rows).round(2)
    logit = -7.2 + 0.9 * np.log(amount) + 1.5 * (category == "games") + 1.2 * (country == "PL") + 0.8 * (at.hour < 6)
    fraud = random.uniform(size=rows) < 1 / (1 + np.exp(-logit))
    purpose = [f"payment for order {a} of the customer {b}, thank you" for a, b in random.integers(0, 10**6, (rows, 2))]
    table = pd.DataFrame(
        {
            "id": [f"T{number:07d}" for number in random.permutation(rows)],
            "at": at.strftime("%d/%m/%Y %H:%M:%S"),
            "account": random.integers(0, 3000, rows) + 10_000_000,
            "merchant": [f"M{number:05d}" for number in random.integers(0, 2500, rows)],
            "amount": amount,
            "amount_account": (amount * random.uniform(0.9, 1.1, rows)).round(2),
            "balance": random.normal(1500, 800, rows).round(2),
            "currency": np.where(country == "PL", "PLN", "EUR"),
            "category": category,
            "country": country,
            "device": device,
            "purpose": purpose,
        }
    )
    labels = pd.DataFrame(
        {
            "id": table["id"],
            "fraud": np.where(fraud, "yes", "no"),
            "reported": (at + pd.Timedelta(days=30)).strftime("%d/%m/%Y"),
        }
    )
    # The export is of one day: labels of the last month are not there yet.
    labels = labels[at + pd.Timedelta(days=30) < TRANSACTIONS_START + pd.Timedelta(days=days)]
    files = folder / "transactions.csv", folder / "fraud.csv"
    for frame, path in zip((table, labels), files, strict=True):
        frame.to_csv(path, index=False, sep=";", decimal=",", encoding="utf-8-sig")
    return files


def rides(folder: Path, rows: int = 20_000, months: int = 12) -> Path:
    """Fares of rides as Parquet in `year=/month=` folders: 28 columns and the two of the folders."""
    noise = ", ".join(f"round(random() * {i + 1}, 3) AS f{i:02d}" for i in range(18))
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1; SELECT setseed(0.5)")
        connection.execute(
            f"""
            COPY (
                SELECT *, round(3 + 1.8 * distance + 2 * (hour BETWEEN 16 AND 18)::INT + 1.5 * rain + f00
                                + (-ln(1 - random())) ^ 2, 2) AS fare,
                       year("at") AS year, month("at") AS month
                FROM (
                    SELECT *, hour("at") AS hour, isodow("at") - 1 AS weekday
                    FROM (
                        SELECT 'R' || lpad(i::VARCHAR, 8, '0') AS ride_id,
                               TIMESTAMP '2025-01-01' + to_seconds(i * {months * 2_626_560} // {rows}) AS "at",
                               (random() * 20000)::INTEGER AS driver, 'Z' || (random() * 40)::INTEGER AS zone,
                               ['north', 'south', 'east'][1 + (random() * 2.99)::INTEGER % 3] AS vendor,
                               1 + (random() * 3)::INTEGER AS payment, 1 + (random() * 4)::INTEGER AS passengers,
                               round(-ln(1 - random()) * 4, 2) AS distance, round(random() * 2, 1) AS rain, {noise}
                        FROM range({rows}) AS numbers(i)
                    )
                )
            ) TO '{folder}' (FORMAT parquet, PARTITION_BY (year, month), WRITE_PARTITION_COLUMNS false)
            """
        )
    return folder
