"""What the image runs."""

from __future__ import annotations

import acme_model
import acme_runtime

if __name__ == "__main__":
    print(acme_model.__version__, acme_runtime.__version__)
