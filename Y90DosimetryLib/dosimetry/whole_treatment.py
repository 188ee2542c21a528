"""Doses of the whole treatment as planned, or as delivered: only so can the two be compared."""

from __future__ import annotations

from collections.abc import Iterable

from ..case import Basis
from ..missing import Missing
from .deposits import Deposit, Model, total_deposit
from .doses import Doses


def deposit_of_basis(doses: Doses, basis: Basis, model: Model) -> Deposit | Missing:
    """Return what all sessions of a basis deposit; missing unless they are the whole treatment."""
    sessions = [s for s in doses.sessions if s.session.basis is basis]
    if not sessions:
        return Missing(f"no session is {basis.value}", ("sessions",))
    carried_out = {s.delivers for s in doses.case.sessions}
    for session in (s for s in doses.case.sessions if s.basis is not basis):
        if basis is Basis.PLANNED and session.delivers is None:
            return Missing("a delivered session names no plan", ("delivers",))
        if basis is Basis.DELIVERED and session.label not in carried_out:
            return Missing("a planned session is not delivered yet", ("sessions",))
    return total_deposit(sessions, model)


def dose_of_basis_gy(doses: Doses, basis: Basis, model: Model, indices: Iterable[int]) -> float | Missing:
    """Return the mean dose of some compartments together from all sessions of a basis, in Gy."""
    deposit = deposit_of_basis(doses, basis, model)
    return deposit if isinstance(deposit, Missing) else deposit.dose_gy(indices)
