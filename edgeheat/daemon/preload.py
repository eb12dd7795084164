"""Loads in the fork server what all child processes share in memory: libraries, modules and lookup tables."""

from __future__ import annotations

import gc
import multiprocessing.popen_forkserver  # noqa: F401 otherwise each worker loads this and the next two itself
import zoneinfo  # noqa: F401

import av.subtitles.stream  # noqa: F401
import cv2

import edgeheat.daemon.camera_worker
import edgeheat.daemon.child_main
import edgeheat.daemon.managed_process
import edgeheat.daemon.plan_worker
import edgeheat.sources.rtsp  # noqa: F401 the most common source, and with it av
from edgeheat.core.render.heatmap import warm_up
from edgeheat.daemon.malloc import release_free_memory

cv2.setNumThreads(1)
warm_up()

# The garbage collector writes into every object it visits, and so would copy the shared pages into each worker.
gc.collect()
gc.freeze()
release_free_memory()
