"""A network for tables, in PyTorch through skorch: an embedding of each category, beside the numbers.

    train:
      estimator: mainline.training.frameworks.tabular.TabularClassifier
      params: {max_epochs: 20, lr: 0.002, hidden: [128, 64]}
      categorical: native
      numeric: standardize

A network of the project's own is a `torch.nn.Module` that takes the preprocessed rows (rows, columns), and is named by
`skorch.NeuralNetClassifier` with `params: {module: shop.net.Net}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier, NeuralNetRegressor
from torch import nn


class Tabular(nn.Module):
    """Rows (n, columns) in, logits (n, classes) or values (n, 1) out.

    Parameters
    ----------
    categories
        How many codes each of the first columns has. NaN, an unknown or missing category, has an embedding of its own.
    numbers
        How many columns follow; what is missing there is zero, the mean of a standardized column.
    """

    def __init__(
        self,
        categories: Sequence[int],
        numbers: int,
        outputs: int,
        hidden: Sequence[int] = (128, 64),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        # As wide as fast.ai's rule: https://docs.fast.ai/tabular.model.html#emb_sz_rule
        widths = [min(50, round(1.6 * (count + 1) ** 0.56)) for count in categories]
        self.embeddings = nn.ModuleList(nn.Embedding(n + 1, width) for n, width in zip(categories, widths, strict=True))
        self.counts = list(categories)
        sizes = [sum(widths) + numbers, *hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], outputs))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        found = []
        for place, (embedding, count) in enumerate(zip(self.embeddings, self.counts, strict=True)):
            code = torch.nan_to_num(X[:, place] + 1.0, nan=0.0)
            found.append(embedding(torch.clamp(code, 0, count).to(torch.int64)))
        found.append(torch.nan_to_num(X[:, len(self.counts) :], nan=0.0))
        answers: torch.Tensor = self.layers(torch.cat(found, dim=1))
        return answers


class _Sized:
    """Builds the module once it sees the rows: how many codes and columns they have."""

    def sized(self, X: Any, outputs: int) -> None:
        net: Any = self
        largest = [float(np.nanmax(X[:, place], initial=-1.0)) for place in range(net.categorical)]
        net.set_params(
            module__categories=tuple(int(code) + 1 for code in largest),
            module__numbers=X.shape[1] - net.categorical,
            module__outputs=outputs,
            module__hidden=tuple(net.hidden),
            module__dropout=net.dropout,
        )


class TabularClassifier(_Sized, NeuralNetClassifier):
    """`categorical` is set by `train.categorical: native`; the other parameters are skorch's."""

    def __init__(
        self,
        module: Any = Tabular,
        *,
        hidden: Sequence[int] = (128, 64),
        dropout: float = 0.1,
        categorical: int = 0,
        criterion: Any = nn.CrossEntropyLoss,
        optimizer: Any = torch.optim.AdamW,
        lr: float = 0.002,
        max_epochs: int = 20,
        batch_size: int = 256,
        **more: Any,
    ) -> None:
        self.hidden, self.dropout, self.categorical = hidden, dropout, categorical
        super().__init__(
            module,
            criterion=criterion,
            optimizer=optimizer,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            **more,
        )

    def fit(self, X: Any, y: Any, **more: Any) -> Any:
        self.sized(X, len(np.unique(y)))
        return super().fit(X, y, **more)


class TabularRegressor(_Sized, NeuralNetRegressor):
    """Standardizes the target while it learns, so that `lr` means the same for every unit."""

    def __init__(
        self,
        module: Any = Tabular,
        *,
        hidden: Sequence[int] = (128, 64),
        dropout: float = 0.1,
        categorical: int = 0,
        optimizer: Any = torch.optim.AdamW,
        lr: float = 0.002,
        max_epochs: int = 20,
        batch_size: int = 256,
        **more: Any,
    ) -> None:
        self.hidden, self.dropout, self.categorical = hidden, dropout, categorical
        super().__init__(module, optimizer=optimizer, lr=lr, max_epochs=max_epochs, batch_size=batch_size, **more)

    def fit(self, X: Any, y: Any, **more: Any) -> Any:
        self.sized(X, 1)
        self.scale_ = mean, spread = float(np.mean(y)), float(np.std(y)) or 1.0
        super().fit(X, y, **more)
        with torch.no_grad():  # the last layer answers in the target's unit from here on
            last = self.module_.layers[-1]
            last.weight.mul_(spread)
            last.bias.mul_(spread).add_(mean)
        return self

    def get_loss(self, y_pred: Any, y_true: Any, *more: Any, **named: Any) -> Any:
        mean, spread = self.scale_
        return super().get_loss(y_pred, (y_true - mean) / spread, *more, **named)
