"""Imported once by the fork server: everything that its forked processes share in memory."""

from __future__ import annotations

import gc
import multiprocessing.popen_forkserver  # noqa: F401 otherwise each worker loads this and the next two itself
import zoneinfo  # noqa: F401

import av.subtitles.stream  # noqa: F401
import cv2

import edgeheat.daemon.process
import edgeheat.daemon.render_worker
import edgeheat.daemon.worker
import edgeheat.sources.rtsp  # noqa: F401 the most common source, and with it av
from edgeheat.core.render.heatmap import warm_up
from edgeheat.daemon.memory import give_back

cv2.setNumThreads(1)
warm_up()

# The garbage collector writes into every object it visits, and so would copy the shared pages into each worker.
gc.collect()
gc.freeze()
give_back()
