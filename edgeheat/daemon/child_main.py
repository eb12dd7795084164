"""The main functions of the child processes, one for each kind of process."""

from __future__ import annotations

from multiprocessing.connection import Connection

from edgeheat.daemon.messages import HistoryJob, PlanJob, WorkerSpec

# Imported in the functions: the parent, which imports this module, must not load numpy, cv2 and av.


def watch_camera(connection: Connection, spec: WorkerSpec) -> None:
    """Count the motion of one camera until the parent stops it."""
    from edgeheat.daemon.camera_worker import run_camera_worker

    run_camera_worker(connection, spec)


def draw_plans(connection: Connection, job: PlanJob) -> None:
    """Draw the floor plans of one job."""
    from edgeheat.daemon.plan_worker import run_plan_worker

    run_plan_worker(connection, job)


def maintain_history(connection: Connection, job: HistoryJob) -> None:
    """Check, roll up and prune the history."""
    from edgeheat.daemon.history_worker import run_history_worker

    run_history_worker(connection, job)
