"""The two programs that edgeheat is compared with: plain decoding, and a typical heat map script.

    python -m benchmarks.baselines decode URL           until SIGTERM, then prints the number of frames
    python -m benchmarks.baselines script FILE IMAGE

Imports are inside the functions, so that each program loads only what it needs.
"""

from __future__ import annotations

import signal
import sys


def decode(url: str) -> None:
    """Decode the stream in one thread without using the pictures: the minimum cost of any analysis."""
    import av

    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    frames = 0
    with av.open(url, options={"rtsp_transport": "tcp"}) as container:
        context = container.streams.video[0].codec_context
        context.thread_type, context.thread_count = "SLICE", 1
        for _ in container.decode(video=0):
            frames += 1
            if stopping:
                break
    print(frames, flush=True)


def script(path: str, image: str) -> None:
    """Count motion as typical heat map scripts do: every frame in full size and colour, sums in uint8."""
    import cv2
    import numpy as np

    capture = cv2.VideoCapture(path)
    subtractor = cv2.createBackgroundSubtractorMOG2()
    more, frame = capture.read()
    first, heat = frame, np.zeros(frame.shape[:2], np.uint8)
    while more:
        moving = subtractor.apply(frame)
        _, moving = cv2.threshold(moving, 2, 2, cv2.THRESH_BINARY)
        heat = np.asarray(cv2.add(heat, moving), np.uint8)
        more, frame = capture.read()
    cv2.imwrite(image, cv2.addWeighted(first, 0.7, cv2.applyColorMap(heat, cv2.COLORMAP_HOT), 0.7, 0))


if __name__ == "__main__":
    if sys.argv[1] == "decode":
        decode(sys.argv[2])
    else:
        script(sys.argv[2], sys.argv[3])
