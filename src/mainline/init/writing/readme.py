"""The project's own README.md, in the place of the template's, which speaks of its example on every screen."""

from __future__ import annotations

from pathlib import Path

from mainline.data.collect import Collected
from mainline.init.proposal import Proposal
from mainline.init.writing.cards import DATA_CARD, MODEL_CARD, extent, filled, in_words

FILE = "README.md"
TEMPLATES = "# Mainline\n"  # how the template's begins; any other is somebody's own

TEXT = """\
# {name}

[![review](../../actions/workflows/review.yml/badge.svg)](../../actions/workflows/review.yml)

{task}

{data}

TODO: who uses the prediction, and whom does one ask?

```sh
make run     # validate, train, compare with the default branch, report
make test    # lint, types and all tests
make help    # all commands
```

Python 3.11 to 3.14, make and git are enough; `make run` installs the rest. Nothing needs a server or a secret.
[Other machines](docs/operate.md#machines)

| to | do |
|---|---|
| change the model | edit `params.yaml` or `src/{name}`, call `make run`, read the headline and `reports/report.html` |
| have a change reviewed | open a pull request; the report is its comment ([pull-requests.md](docs/pull-requests.md)) |
| release the model | merge; the first release is started manually ([release.md](docs/release.md)) |
| score new rows | `make predict FILE=rows.csv`, or ask the server ([serve.md](docs/serve.md)) |
| watch it | `make monitor`, and `make retrain` for newer data ([retraining.md](docs/retraining.md)) |
| see all runs | `make ui` |

| place | content |
|---|---|
| `params.yaml` | every setting of the model and every threshold, with its reason ([params.md](docs/params.md)) |
| `src/{name}/` | how the table becomes the rows that the model is trained on |
| `data/expectations/` | what each column must contain: a *critical* rule that is broken stops the run |
| `src/mainline/`, `pipelines/`, `.github/` | the machine; take a newer one in: [upgrading.md](docs/upgrading.md) |
| [docs/first-day.md](docs/first-day.md) | what to set on GitHub, and what is seen there |
| [docs/how-it-decides.md](docs/how-it-decides.md) | comparison on the same rows, gates, verdicts, exit status |
| [CONTRIBUTING.md](CONTRIBUTING.md) | the machine from the inside |

Made from the template Mainline. [Licence](LICENSE)
"""


def is_templates(root: Path) -> bool:
    """Whether the README is the template's still, which a project may replace."""
    return (root / FILE).is_file() and (root / FILE).read_text(encoding="utf-8").startswith(TEMPLATES)


def render(proposal: Proposal, table: Collected) -> str:
    cards = f"The [data card]({DATA_CARD}) describes its columns, the [model card]({MODEL_CARD}) the model."
    data = filled(f"It is trained on {extent(table)}. {cards}")
    return TEXT.format(name=proposal.name, task=filled(in_words(proposal)), data=data)
