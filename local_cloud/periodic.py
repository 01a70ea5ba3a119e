"""Work that is done again and again in the background."""

import threading
import time
from collections.abc import Callable


class Periodic:
    """Calls ``work`` every so many seconds in a thread of its own, which the first ``begin`` starts."""

    def __init__(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        self._seconds, self._work = seconds, work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._begun = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Start, unless it has been started; cheap enough for every request."""
        if self._begun:
            return
        with self._lock:
            if not self._begun:
                self._thread.start()
                self._begun = True

    def _run(self) -> None:
        while True:
            time.sleep(self._seconds)
            self._work()
