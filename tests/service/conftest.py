"""The service over a desk in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from service.app import create_app
from service.auth import Gate
from service.events import Feeds
from service.guard import Limits

sys.path.insert(0, str(Path(__file__).resolve().parent))

from asgi_client import Client
from fake_desk import FakeDesk


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def client(desk: FakeDesk) -> Client:
    feeds = Feeds(desk, every=0.01, heartbeat=0.05)
    return Client(create_app(desk, Gate(), limits=Limits(body=2_000), feeds=feeds))
