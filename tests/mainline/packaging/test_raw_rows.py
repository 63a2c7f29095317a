"""`make predict RAW=1`: rows in the form of a source are prepared as in training, then scored."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mainline.config import loader
from mainline.data import prepare
from mainline.data.collect import collect
from mainline.data.feature_patterns import resolved
from mainline.errors import ConfigurationError, DataError
from mainline.packaging import export, raw_rows
from mainline.packaging.predict import predict, predict_raw
from mainline.runtime.workspace import Workspace
from mainline.serving import signature
from mainline.training import train
from mainline.training.fingerprint import fingerprint
from mainline.training.record import Record
from tests.projects import Project
from tests.projects import visits as project_visits

pytestmark = pytest.mark.slow  # two models are trained and exported

# What a visit is to its shop: the mean of the visits before it, and how many there were on that day.
LOOKS_BACK = """visits = tables["visits"].mutate(day=_.at.date()).mutate(
        before=_.pages.mean().over(group_by="shop", order_by="at", rows=(-50, -1)),
        busy=_.count().over(group_by=["shop", "day"]),
    )"""

# Text as another program writes it: `;`, decimal comma, DD.MM.YYYY, cp1252, `n/a`, yes and no; no key.
LOANS = """\
task: binary
data:
  until: 2026-03-02
  sources:
    loans:
      path: data/loans.csv
      decimal: ","
      date_format: "%d.%m.%Y"
      types: {opened: DATE}
      encoding: cp1252
      null_values: [n/a]
prepare:
  function: shop.frame:prepare
  label: repaid
  features:
    numeric: ["amount_*", age_days]
    categorical: [city, member, code, opened]
split: {by: hash, holdout: 0.3}
train:
  estimator: sklearn.linear_model.LogisticRegression
  params: {max_iter: 200}
  categorical: onehot
  numeric: standardize
compare: {metric: roc_auc}
"""
LOANS_FRAME = """\
import ibis
from ibis import _


def prepare(tables):
    loans = tables["loans"]
    loans = loans.mutate(age_days=ibis.date(2026, 3, 1).delta(loans.opened, unit="day"))
    return loans.mutate(repaid=_.outcome == "paid back").drop("outcome")
"""


@dataclasses.dataclass
class Exported:
    project: Project
    model: Path
    record: Record
    warnings: list[str] = dataclasses.field(default_factory=list)

    def scored(self, rows: pd.DataFrame | str, name: str = "new.parquet", source: str = "1") -> pd.DataFrame:
        """What is predicted for the rows of a file."""
        file, to = self.project.path(f"incoming/{name}"), self.project.path(f"predictions/{name}")
        to.unlink(missing_ok=True)
        if isinstance(rows, str):
            file.write_text(rows, encoding="cp1252")
        elif file.suffix == ".jsonl":
            rows.to_json(file, orient="records", lines=True, date_format="iso", date_unit="s", double_precision=15)
        elif file.suffix == ".csv":
            rows.to_csv(file, index=False)
        else:
            rows.to_parquet(file, index=False, coerce_timestamps="us")
        self.warnings = []
        settings, workspace = loader.load().settings, Workspace.at(self.project.root)
        predict_raw(settings, workspace, file, source, self.model, to, self.warnings.append)
        if to.suffix == ".parquet":
            return pd.read_parquet(to)
        return pd.read_csv(to, dtype=str) if to.suffix == ".csv" else pd.read_json(to, lines=True)

    def refused(self, rows: pd.DataFrame | str, said: str, name: str = "new.parquet", source: str = "1") -> None:
        with pytest.raises((ConfigurationError, DataError), match=said):
            self.scored(rows, name, source)
        assert not self.project.path(f"predictions/{name}").exists()

    def recorded(self, key: str) -> pd.Series:
        """The recorded scores of the holdout by the key."""
        frame = pd.read_parquet(self.project.path("frame.parquet")).set_index("row_id")
        scores = pd.Series(self.record.holdout.score, index=self.record.holdout.row_id)
        return scores.rename(frame[key])


@contextmanager
def inside(root: Path) -> Iterator[None]:
    """A project's folder is the current one, and its code can be imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.syspath_prepend(str(root / "src"))
        patch.setattr(sys, "dont_write_bytecode", True)
        forget()
        yield
        forget()


def forget() -> None:
    for name in [name for name in list(sys.modules) if name.split(".")[0] == "shop"]:
        del sys.modules[name]


def made(project: Project) -> Exported:
    """The project's model, trained and exported in this process."""
    settings, root = loader.load().settings, project.root
    tables = collect(settings.data, root, root / "cache")
    settings = resolved(settings, tables)
    prepare.build(settings, tables, root / "frame.parquet")
    prints = dataclasses.replace(fingerprint(root, settings, {}), model="f" * 64, frame="e" * 64)
    record = train.train_model(settings, root, tables, prints, root / "frame.parquet").keep(Workspace.at(root))
    export.export(settings, record, root / "frame.parquet", root / "model")
    return Exported(project, root / "model", record)


@pytest.fixture(scope="module")
def shop_made(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    project = Project(tmp_path_factory.mktemp("shop"), with_git=False)
    project.edit("params.yaml", ("numeric: [minutes, pages]", "numeric: [minutes, pages, before, busy]"))
    project.edit("src/shop/frame.py", ('visits = tables["visits"].mutate(day=_.at.date())', LOOKS_BACK))
    rows = project_visits(4800)
    # Visits that are known, but not to the model: 40 on one day after data.until.
    later = rows.iloc[:40].assign(visit=range(8000, 8040), at=pd.Timestamp("2026-03-05", tz="UTC"), shop="north")
    project.data(pd.concat([rows, later]))
    with inside(project.root):
        return made(project)


@pytest.fixture
def shop(shop_made: Exported) -> Iterator[Exported]:
    with inside(shop_made.project.root):
        yield shop_made


def visits(shop: Exported) -> pd.DataFrame:
    return pd.read_parquet(shop.project.path("data/visits.parquet")).iloc[:4800]


@pytest.mark.parametrize("name", ["new.parquet", "new.jsonl", "new.csv"])
def test_rows_of_the_holdout_get_its_recorded_scores_whatever_their_features_look_back_at(
    shop: Exported, name: str
) -> None:
    rows = visits(shop).iloc[-400:].sample(frac=1, random_state=0)
    found = shop.scored(rows, name)
    assert list(found.columns) == [*rows.columns, "prediction", "probability"]
    assert found["visit"].astype(int).tolist() == rows["visit"].tolist()
    assert found["probability"].astype(float).to_numpy() == pytest.approx(
        shop.recorded("visit")[rows["visit"]].to_numpy(), abs=1e-5
    )
    assert shop.warnings == []


def test_what_is_after_the_cutoff_is_known_now(shop: Exported) -> None:
    row = visits(shop).iloc[:1].assign(visit=9001, at=pd.Timestamp("2026-03-05 12:00", tz="UTC"), shop="north")
    row.to_parquet(shop.project.path("row.parquet"), index=False, coerce_timestamps="us")
    settings, workspace = loader.load().settings, Workspace.at(shop.project.root)
    to = shop.project.path("prepared.parquet")
    raw_rows.prepared(settings, workspace, shop.project.path("row.parquet"), "1", signature.read(shop.model), to)
    assert pd.read_parquet(to)["busy"].tolist() == [41]


def test_several_new_rows_may_come_at_once(shop: Exported) -> None:
    row = visits(shop).iloc[-1:].assign(visit=10_000, at=lambda last: last["at"] + pd.Timedelta(days=90))
    (alone,) = shop.scored(row)["probability"]
    two = pd.concat([row, row.assign(visit=10_001, at=row["at"] + pd.Timedelta(minutes=1))])
    both = shop.scored(two)["probability"].tolist()
    assert len(both) == 2
    assert both[0] == pytest.approx(alone, abs=0.2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minutes": None}, "new.parquet: there is no column minutes, which data.sources.visits has"),
        (
            {"minutes": "many"},
            r"new.parquet: minutes, row 0 \(from 0\): 'many' is not DOUBLE, as in data.sources.visits",
        ),
        ({"minutes": np.nan}, r"new.parquet, prepared: minutes, row 0 \(from 0\): it is missing"),
        ({"minutes": np.inf}, "infinite values in minutes"),
        ({"at": pd.NaT}, "rows without at"),
        ({"visit": 7}, "rows share their key with another, first visit=7"),
        ({"prediction": 1}, "new.parquet has a column prediction already"),
    ],
)
def test_what_cannot_be_prepared_is_named(shop: Exported, change: dict[str, object], said: str) -> None:
    rows = visits(shop).iloc[-3:].assign(visit=[9001, 9002, 9003])
    ((name, value),) = change.items()
    if value is None:
        rows = rows.drop(columns=name).rename(columns={"pages": "minuets"}).assign(pages=1)
    else:
        rows = rows.astype({name: object}) if isinstance(value, str) else rows
        rows = rows.assign(**{name: [value, *rows.get(name, pd.Series([1] * 3)).iloc[1:]]})
        rows = rows.astype({name: str}) if isinstance(value, str) else rows
    shop.refused(rows, said)


def test_a_value_in_a_text_file_is_named_with_its_line(shop: Exported) -> None:
    header = "visit,at,shop,minutes,pages\n"
    good = "9001,2026-03-01 10:00:00+00,north,1.5,2\n"
    shop.refused(header + good + good.replace("1.5", "many"), r"new.csv, line 3: .*minutes.*many", "new.csv")


def test_the_source_that_the_file_stands_for_can_be_named(shop: Exported) -> None:
    shop.refused(visits(shop).iloc[:3], "RAW=visit: data.sources has no visit: did you mean visits?", source="visit")
    shop.refused(visits(shop).iloc[:3], "there is no column known_at", source="purchases")
    assert len(shop.scored(visits(shop).iloc[:3], source="visits")) == 3


@pytest.fixture
def function(shop: Exported) -> Iterator[Project]:
    """The project, whose preparation function is as before after the test."""
    before = shop.project.path("src/shop/frame.py").read_text(encoding="utf-8")
    yield shop.project
    shop.project.write("src/shop/frame.py", before)


def test_rows_that_the_function_leaves_out_are_counted_and_have_no_prediction(
    shop: Exported, function: Project
) -> None:
    function.edit(
        "src/shop/frame.py", ('visits = tables["visits"]', 'visits = tables["visits"].filter(_.visit != 4790)')
    )
    found = shop.scored(visits(shop).iloc[-20:])
    assert found.loc[found["probability"].isna(), "visit"].tolist() == [4790]
    assert shop.warnings == [f"{function.path('incoming/new.parquet')}: shop.frame:prepare makes 19 rows of its 20"]


def test_a_function_that_keeps_only_rows_with_a_label_is_told_so(shop: Exported, function: Project) -> None:
    function.edit("src/shop/frame.py", ('.drop("visit_right")', '.drop("visit_right").filter(_.bought.notnull())'))
    rows = visits(shop).iloc[-3:].assign(visit=[9001, 9002, 9003])
    shop.refused(rows, "returns none of its 3 rows; perhaps it leaves out rows without a label")


def test_a_key_that_the_function_makes_is_written_with_the_prediction(shop: Exported, function: Project) -> None:
    function.edit("src/shop/frame.py", ('.drop("visit_right")', '.drop("visit_right").mutate(visit=_.visit + 100_000)'))
    found = shop.scored(visits(shop).iloc[-3:])
    assert list(found.columns) == ["visit", "prediction", "probability"]
    assert sorted(found["visit"]) == [104797, 104798, 104799]


def loan_text(rows: pd.DataFrame) -> str:
    lines = [";".join(rows.columns)]
    for row in rows.itertuples(index=False):
        lines.append(";".join(f"{v:.2f}".replace(".", ",") if isinstance(v, float) else str(v) for v in row))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def bank_made(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    project = Project(tmp_path_factory.mktemp("bank"), with_git=False)
    project.write("params.yaml", LOANS)
    project.write("src/shop/frame.py", LOANS_FRAME)
    random = np.random.default_rng(0)
    count = 1200
    amount = random.gamma(2, 300, count).round(2)
    rows = pd.DataFrame(
        {
            "amount_asked": amount,
            "amount_given": (amount * random.uniform(0.5, 1, count)).round(2),
            "city": random.choice(["Köln", "Zürich", "Ulm", "n/a"], count),
            "member": random.choice(["yes", "no"], count),
            "opened": random.choice(["01.02.2026", "13.02.2026", "28.02.2026"], count),
            "code": random.choice(["007", "7", "1.10"], count),
        }
    )
    odds = (
        0.6
        - rows["amount_asked"] / 600
        + np.where(rows["member"] == "yes", 1.2, 0)
        + np.where(rows["code"] == "007", 1, 0)
    )
    rows["outcome"] = np.where(random.uniform(size=count) < 1 / (1 + np.exp(-odds)), "paid back", "open")
    project.path("data/loans.csv").write_text(loan_text(rows), encoding="cp1252")
    rows.to_pickle(project.path("rows.pkl"))
    with inside(project.root):
        return made(project)


@pytest.fixture
def bank(bank_made: Exported) -> Iterator[Exported]:
    with inside(bank_made.project.root):
        yield bank_made


def test_a_file_is_written_as_its_source_and_needs_no_label_and_no_key(bank: Exported) -> None:
    rows = pd.read_pickle(bank.project.path("rows.pkl")).drop(columns="outcome")
    found = bank.scored(loan_text(rows), "new.csv")
    assert list(found.columns) == [*rows.columns, "prediction", "probability"]
    assert found["amount_asked"].tolist() == [f"{value:.2f}".replace(".", ",") for value in rows["amount_asked"]]
    assert set(found["code"]) == {"007", "7", "1.10"}
    frame = pd.read_parquet(bank.project.path("frame.parquet"))
    assert set(frame["city"].dropna()) == {"Köln", "Zürich", "Ulm"}
    scores = frame.merge(
        pd.DataFrame({"row_id": bank.record.holdout.row_id, "score": bank.record.holdout.score}), on="row_id"
    )
    same = ["amount_asked", "amount_given"]
    read = found.assign(**{name: found[name].str.replace(",", ".").astype("float32") for name in same})
    both = scores.merge(read[[*same, "probability"]], on=same)
    assert len(both) == len(scores) > 300
    assert both["probability"].astype(float).to_numpy() == pytest.approx(both["score"].to_numpy(), abs=1e-5)
    assert bank.warnings == []


def test_equal_rows_of_a_file_without_a_key_each_get_their_prediction(bank: Exported) -> None:
    rows = pd.read_pickle(bank.project.path("rows.pkl")).drop(columns="outcome").iloc[:3]
    found = bank.scored(loan_text(pd.concat([rows, rows, rows.iloc[:1]])), "new.csv")
    assert found["probability"].nunique() == 3
    assert found["probability"].notna().sum() == 7


def test_a_file_of_the_prepared_features_is_written_as_the_source_too(bank: Exported) -> None:
    rows = pd.read_pickle(bank.project.path("rows.pkl")).drop(columns="outcome").iloc[:200]
    raw = bank.scored(loan_text(rows), "raw.csv")
    opened = pd.to_datetime(rows["opened"], format="%d.%m.%Y")
    file = bank.project.path("ready.csv")
    file.write_text(loan_text(rows.assign(age_days=(pd.Timestamp("2026-03-01") - opened).dt.days)), encoding="cp1252")
    ready = pd.read_csv(predict(file, bank.model, warn=bank.warnings.append), dtype=str)
    assert ready["probability"].tolist() == raw["probability"].tolist()
    assert ready["city"].fillna("n/a").tolist() == rows["city"].tolist()
    assert bank.warnings == []
    file.write_bytes(loan_text(rows.assign(age_days=1)).encode("cp1252") + b"\x81")
    with pytest.raises(DataError, match=r"ready.csv is not UTF-8, nor is it cp1252"):
        predict(file, bank.model)
