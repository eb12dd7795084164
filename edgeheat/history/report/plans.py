"""Reads what the cameras of a floor plan counted in the period of a report."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from edgeheat.core.floorplan.picture import decode_image
from edgeheat.defs.params import PlanParams
from edgeheat.errors import HistoryError
from edgeheat.history.plan_answer import PlanAnswer, answer_plan
from edgeheat.history.selection import Selection
from edgeheat.plan_image import read_plan_image
from edgeheat.store.history.store import HistoryStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """A floor plan that reports show."""

    params: PlanParams

    image: str
    """File of its picture; empty for lines at each metre, which are also drawn where the file cannot be read."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What the cameras of one floor plan counted."""

    name: str
    traffic: PlanAnswer | None
    dwell: PlanAnswer | None

    problem: str
    """Why there are none, in one sentence."""


def read_plan(store: HistoryStore, plan: ReportPlan, selection: Selection) -> PlanReport:
    """Return what a plan's cameras counted; raises StoreError where the file cannot be read."""
    image, problem = read_plan_image(plan.image, decode_image)
    if problem:
        _log.warning("%s: %s", plan.params.name, problem)
    try:
        traffic = answer_plan(store, plan.params, selection, "traffic", image=image)
        dwell = answer_plan(store, plan.params, selection, "dwell", image=image)
    except HistoryError as error:
        return PlanReport(plan.params.name, None, None, f"{error}.")
    return PlanReport(plan.params.name, traffic, dwell, "")
