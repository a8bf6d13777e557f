"""The least that a Flask service can do for the same answer: bytes made beforehand."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response, request

app = Flask(__name__)
BODY = Path(os.environ["BARE_BODY"]).read_bytes()


@app.post("/v1/decisions")
def decisions() -> Response:
    request.get_data()
    return Response(BODY, mimetype="application/json")
