"""What people have as a table: files of many dialects, folders, workbooks, data sets; and files that are no table."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd
import pytest

from mainline.data.collect import relation_sql
from mainline.data.sources.duckdb_scan import connect
from mainline.errors import ConfigurationError, DataError
from mainline.init import reading
from mainline.init.proposal import Wishes
from mainline.init.reading import Reading
from mainline.runtime.workspace import Workspace

EUROPEAN = """\
id;at;amount;balance;purpose
1;13/02/2024 10:15;1.234,50;17,25;"Überweisung
; zweite Zeile"
2;01/03/2024 23:59;17,00;n/a;Miete
3;02/03/2024 00:01;-2.000,00;-3,5;
"""


def read(root: Path, file: str, **more: object) -> Reading:
    return reading.read(Wishes(file, "label", **more), Workspace.at(root / "repository"))  # type: ignore[arg-type]


def frame(found: Reading) -> pd.DataFrame:
    (table,) = found.tables.values()
    return connect().sql(relation_sql(table)).df()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return tmp_path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_european_file_is_read_in_any_encoding(root: Path, encoding: str) -> None:
    (root / "Kontoauszug.csv").write_text(EUROPEAN, encoding=encoding, newline="")
    found = read(root, str(root / "Kontoauszug.csv"))
    rows = frame(found)
    assert rows["amount"].tolist() == [1234.5, 17.0, -2000.0]
    assert rows["balance"].tolist()[0::2] == [17.25, -3.5]
    assert rows["balance"].isna().tolist() == [False, True, False]
    assert rows["purpose"][0] == "Überweisung\n; zweite Zeile"
    assert [str(at) for at in rows["at"]] == ["2024-02-13 10:15:00", "2024-03-01 23:59:00", "2024-03-02 00:01:00"]
    source = {"path": "data/raw/Kontoauszug.csv", "decimal": ",", "thousands": ".", "types": {"amount": "DOUBLE"}}
    source |= {"null_values": ["n/a"], "date_format": "%d/%m/%Y %H:%M"}
    source |= {"encoding": encoding} if encoding in ("cp1252", "utf-16") else {}
    assert found.sources == {"kontoauszug": source}
    said = " ".join(f"{one.chosen} ({one.reason})" for one in found.decisions)
    for words in ("a semicolon", "a decimal comma (amount, balance", "n/a means missing", "%d/%m/%Y"):
        assert words in said
    assert not (root / "repository" / "data").exists(), "nothing is written before all is known"


@pytest.mark.parametrize(
    ("text", "setting", "column", "values"),
    [
        ("a,b\n1,x\n?,y\n3,z\n", {"null_values": ["?"]}, "a", [1.0, None, 3.0]),
        ("a,b\nNA,NA\nOH,1\nNY,2\n", {"null_values": ["NA"]}, "b", [None, 1.0, 2.0]),
        ('a,b\n"1,234.50",x\n"12,000",y\n5,z\n', {"thousands": ",", "types": {"a": "DOUBLE"}}, "a", [1234.5, 12000, 5]),
        ("a,b\n1.5,x\n2.25,y\n", {}, "a", [1.5, 2.25]),
        ("zip,b\n01234,x\n99999,y\n", {}, "zip", ["01234", "99999"]),
        ("a\tb\n1\tx\n2\ty\n", {}, "b", ["x", "y"]),
    ],
)
def test_numbers_and_missing_values_are_read_as_they_are_meant(
    root: Path, text: str, setting: dict[str, object], column: str, values: list[object]
) -> None:
    (root / "repository" / "table.csv").write_text(text, encoding="utf-8")
    found = read(root, "table.csv")
    assert found.sources == {"table": {"path": "table.csv", **setting}}
    read_values = [None if pd.isna(value) else value for value in frame(found)[column]]
    assert read_values == values


@pytest.mark.parametrize(
    ("dates", "format", "asked"),
    [
        (["03/04/2024", "25/04/2024"], "%d/%m/%Y", False),
        (["03/04/2024", "04/25/2024"], "%m/%d/%Y", False),
        (["01/02/2024", "02/02/2024", "01/03/2024"], "%d/%m/%Y", False),  # only so the rows are in order
        (["03/04/2024", "01/02/2023"], "%m/%d/%Y", True),
        (["3.4.2024", "1.2.2023"], "%d.%m.%Y", False),
        (["31.12.24", "01.02.25"], "%d.%m.%y", False),
        (["01/02/24 10:15", "13/02/24 11:00"], "%d/%m/%y %H:%M", False),  # no year 1
        (["24-03-01", "24-11-05"], "%y-%m-%d", True),
        (["2024-03", "2024-11"], "%Y-%m", False),
        (["Mar-24", "Nov-24"], "%b-%y", False),
    ],
)
def test_dates_are_read_day_first_or_month_first_as_the_values_say(
    root: Path, dates: list[str], format: str, asked: bool
) -> None:
    (root / "repository" / "t.csv").write_text("day,n\n" + "".join(f"{day},1\n" for day in dates), encoding="utf-8")
    found = read(root, "t.csv")
    assert found.sources["t"]["date_format"] == format
    assert [one.column for one in found.findings] == (["day"] if asked else [])
    expected = pd.to_datetime(pd.Series(dates), format=format)
    assert pd.to_datetime(frame(found)["day"]).tolist() == expected.tolist()


def test_a_folder_of_partitions_keeps_their_columns(root: Path) -> None:
    for year, month in ((2024, 1), (2024, 2)):
        folder = root / "rides" / f"year={year}" / f"month={month:02}"
        folder.mkdir(parents=True)
        pd.DataFrame({"ride": [month]}).to_parquet(folder / "part.parquet")
    found = read(root, str(root / "rides"))
    assert found.sources == {"rides": {"path": "data/raw/rides/**/*.parquet"}}
    assert sorted(frame(found)) == ["month", "ride", "year"]
    assert sorted(str(path) for path in found.brought) == [
        f"data/raw/rides/year=2024/month=0{month}/part.parquet" for month in (1, 2)
    ]


def test_a_file_is_brought_only_for_as_long_as_all_goes_well(root: Path) -> None:
    (root / "table.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    found = read(root, str(root / "table.csv"))
    repository = root / "repository"
    with pytest.raises(DataError, match="a,b"), reading.placed(found, repository):
        raise DataError((repository / "data" / "raw" / "table.csv").read_text(encoding="utf-8"))
    assert not (repository / "data").exists()
    with reading.placed(found, repository):
        pass
    assert (repository / "data" / "raw" / "table.csv").read_text(encoding="utf-8") == "a,b\n1,2\n"
    (root / "table.csv").write_text("a,b\n1,3\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"data/raw/table.csv is there already, with other content"):
        read(root, str(root / "table.csv"))


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    """The smallest file that Excel opens."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

    def cell(value: object) -> str:
        if value is None:
            return "<c/>"
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    with zipfile.ZipFile(path, "w") as file:
        listed = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="r{i}"/>' for i, name in enumerate(sheets, 1))
        file.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>'
        )
        links = "".join(
            f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/s{i}.xml"/>'
            for i in range(1, len(sheets) + 1)
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'
        )
        for i, rows in enumerate(sheets.values(), 1):
            body = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
            file.writestr(
                f"xl/worksheets/s{i}.xml", f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
            )
        top = f'<Relationship Id="r" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        file.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships">{top}</Relationships>')
        types = "http://schemas.openxmlformats.org/package/2006/content-types"
        file.writestr("[Content_Types].xml", f'<Types xmlns="{types}"/>')


def test_a_workbook_is_read_below_its_title(root: Path) -> None:
    rows = [["Customers of 2024"], [], ["id", "city", "spent"], [1, "Köln", 2.5], [2, "Ulm", 3], [3, None, None]]
    workbook(root / "customers.xlsx", {"notes": [["only a note"]], "rows": rows})
    found = read(root, str(root / "customers.xlsx"))
    assert found.sources == {"customers": {"path": "data/raw/customers.xlsx"}}
    table = frame(found)
    assert table["id"].tolist() == [1, 2, 3]
    assert table["city"].tolist()[:2] == ["Köln", "Ulm"]
    assert table["spent"].tolist()[:2] == [2.5, 3.0]
    assert table["spent"].isna().sum() == table["city"].isna().sum() == 1


def test_a_query_needs_the_variable_with_the_databases_url(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ConfigurationError, match="DATABASE_URL is not set"):
        read(root, "postgresql:SELECT * FROM visits")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"\x89PNG\r\n\x1a\n0000", "is a picture"),
        ("a.pdf", b"%PDF-1.7", "is a PDF"),
        ("a.csv", b"<!DOCTYPE html><html>", "is a web page"),
        ("a.csv", b"1,2,3\n4,5,6\n", "has no header"),
        ("a.csv", b"only one column\n1\n", "has a single column"),
        ("a.csv", b"a,b,A\n1,2,3\n", "columns 1 and 3 are both named A"),
        ("a.json", b'[{"a": 1}]', "is one JSON array"),
        ("a.dat", b"\x00\x01\x02\x03", "is a binary file"),
        ("a.xlsx", b"not a workbook", "is no Excel or OpenDocument file"),
        ("a.rda", b"RDX3\nX\n", "is an R workspace"),
    ],
)
def test_a_file_that_is_no_table_is_told_what_it_is(root: Path, name: str, content: bytes, said: str) -> None:
    (root / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(root, str(root / name))


def test_the_nearest_file_and_data_set_are_named(root: Path) -> None:
    (root / "repository" / "churn.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"there is no chrun.csv; did you mean churn.csv\?"):
        read(root, "chrun.csv")
    with pytest.raises(ConfigurationError, match=r"did you mean sklearn:diabetes\?"):
        read(root, "sklearn:diabetis")


def test_a_data_set_of_scikit_learn_becomes_a_file(root: Path) -> None:
    found = read(root, "sklearn:iris")
    assert found.sources == {"iris": {"path": "data/raw/iris.parquet"}}
    assert len(frame(found)) == 150
