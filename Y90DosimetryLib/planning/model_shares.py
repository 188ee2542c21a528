"""Where the share of activity that a model puts into a volume comes from, with its numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..compartments import Compartments
from ..dosimetry.deposits import Deposit, Model
from ..structures import LESION_ROLES, Role


def share_words(
    model: Model,
    parts: Compartments,
    deposit: Deposit,
    perfused: Sequence[int],
    indices: Sequence[int],
    counts: NDArray[np.float64] | None,
    unit: str = "counts × mL",
) -> str:
    """Return the share of some compartments in one infusion's activity as a quotient with its numbers.

    *perfused* are the compartments of that infusion's volume, *counts* those of the image that stand for it, one
    number a compartment, in *unit*.
    """
    if model is Model.MULTI:
        assert counts is not None, "there is no such dose without an image"
        here, total = counts[list(indices)].sum(), counts.sum()
        digits = 0 if total >= LARGE_TOTAL else 3
        return f"{here:,.{digits}f} of {total:,.{digits}f} {unit} on the image"
    inside = set(perfused) & set(indices)
    if not inside:
        return "none of it is perfused"
    if model is Model.SINGLE:
        return f"volume {parts.volume_ml(sorted(inside)):.1f} of {parts.volume_ml(perfused):.1f} mL perfused"
    amounts = {role: _ratio_and_volume(role, parts, deposit, perfused) for role in _ROLES}
    top = [
        _product(amounts[role][0], parts.volume_ml(own))
        for role in _ROLES
        if (own := [i for i in parts.of_role(role) if i in inside])
    ]
    bottom = [_product(ratio, volume_ml) for ratio, volume_ml in amounts.values() if volume_ml > 0]
    if top == bottom:
        return "all of the perfused volume"
    return f"{_sum(top)} of {_sum(bottom)} mL, each volume times its ratio to normal liver"


LARGE_TOTAL = 1e4
"""From so many counts on they are written without decimals."""
_ROLES = (Role.NORMAL_LIVER, *LESION_ROLES)


def _ratio_and_volume(
    role: Role, parts: Compartments, deposit: Deposit, perfused: Sequence[int]
) -> tuple[float, float]:
    """Return a tissue's concentration over normal liver's in one infusion's volume, and its volume there in mL."""

    def concentration(of_role: Role) -> tuple[float, float]:
        own = [i for i in parts.of_role(of_role) if i in set(perfused)]
        volume_ml = parts.volume_ml(own)
        return (float(deposit.activity_gbq[own].sum()) / volume_ml if volume_ml > 0 else 0.0), volume_ml

    normal, _ = concentration(Role.NORMAL_LIVER)
    own, volume_ml = concentration(role)
    return (own / normal if normal > 0 else 1.0), volume_ml


def _product(ratio: float, volume_ml: float) -> str:
    return f"{volume_ml:.1f}" if abs(ratio - 1) < 1e-9 else f"{ratio:.4g} × {volume_ml:.1f}"


def _sum(terms: Sequence[str]) -> str:
    return terms[0] if len(terms) == 1 and "×" not in terms[0] else f"({' + '.join(terms)})"
