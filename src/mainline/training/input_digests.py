"""A short digest of every input of a row: whether two models have seen the same values of it.

Sixteen bits a value are enough to tell two tables apart, and a month of the example takes 1 MB.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MOST = 20_000_000  # values of a record: 40 MB; beyond it the inputs are not kept


def digests(rows: pd.DataFrame, names: list[str]) -> NDArray[np.uint16] | None:
    """(rows, names) digests; None where there are too many values to keep. A missing value has one as well."""
    import numpy as np

    if len(rows) * len(names) > MOST:
        return None
    found = np.empty((len(rows), len(names)), dtype=np.uint16)
    for place, name in enumerate(names):
        found[:, place] = of_column(rows[name])
    return found


def of_column(values: pd.Series[float] | pd.Series[str]) -> NDArray[np.uint16]:
    import numpy as np
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float32, na_value=np.nan) + np.float32(0)  # one zero, without a sign
        bits = np.where(np.isnan(numbers), np.float32(np.nan), numbers).view(np.uint32)
        return (bits * np.uint32(2654435761) >> np.uint32(16)).astype(np.uint16)  # Knuth's multiplicative hash
    place, known = pd.factorize(values.to_numpy(dtype=object))
    of_value = [zlib.crc32(str(value).encode("utf-8", "surrogatepass")) & 0xFFFF for value in known]
    return np.array([*of_value, 0], dtype=np.uint16)[place]  # a missing value has the place -1
