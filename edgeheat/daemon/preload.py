"""What the fork server loads once, so that every worker shares it."""

from __future__ import annotations

import gc
import multiprocessing.popen_forkserver  # noqa: F401 this and the next two each worker would else load for itself
import zoneinfo  # noqa: F401

import av.subtitles.stream  # noqa: F401
import cv2

import edgeheat.daemon.process
import edgeheat.daemon.render_worker
import edgeheat.daemon.worker
import edgeheat.sources.rtsp  # noqa: F401 the commonest source, and with it av
from edgeheat.core.render.heatmap import warm_up
from edgeheat.daemon.memory import give_back

cv2.setNumThreads(1)
warm_up()

# The collector writes into every object that it visits and so would copy each worker's share of all this.
gc.collect()
gc.freeze()
give_back()
