"""What libraries below may log: httpcore, httpx's own engine, tells at DEBUG all headers that it receives.

A `Location` among them can hold a signature. So what a step returned is left out of its records.
"""

from __future__ import annotations

import logging

__all__ = ["shorten_log_records"]

_LOGGERS = ("httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks")
_RETURNED = "return_value="


def shorten_log_records() -> None:
    """From now on httpcore's records say what was done, and not what came of it."""
    for name in _LOGGERS:
        # The same filter is added once only.
        logging.getLogger(name).addFilter(_hide)


def _hide(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    if _RETURNED in message:
        record.msg, record.args = f"{message.partition(_RETURNED)[0]}{_RETURNED}…", ()
    return True
