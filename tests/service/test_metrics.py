"""What is counted, and that nothing a caller can choose becomes a series of its own."""

from __future__ import annotations

from asgi_client import Client
from fake_desk import FakeDesk
from test_access import Known

from service.app import create_app
from service.auth import Gate


def test_requests_are_counted_by_route_and_status(client: Client) -> None:
    for number in range(3):
        client.get(f"/v1/units/demo/mlp.0/{number}")
    client.get("/v1/subjects")
    client.get("/v1/nothing/" + "x" * 50)
    told = client.get("/metrics").body.decode()
    route = "/v1/units/{subject}/{site}/{index}"
    assert f'neuroscribe_requests_total{{method="GET",route="{route}",status="404"}} 3.0' in told
    assert 'route="/v1/subjects",status="200"} 1.0' in told
    assert f'neuroscribe_request_seconds_count{{route="{route}"}} 3.0' in told
    assert 'route="none",status="404"} 1.0' in told
    assert "xxxx" not in told
    assert "neuroscribe_event_streams 0.0" in told
    assert "neuroscribe_subjects_loaded 2.0" in told
    assert "neuroscribe_subject_bytes 3e+06" in told


def test_two_services_count_apart(client: Client, desk: FakeDesk) -> None:
    client.get("/v1/subjects")
    other = Client(create_app(desk, Gate()))
    assert "/v1/subjects" not in other.get("/metrics").body.decode()


def test_counters_are_for_those_with_a_key(desk: FakeDesk) -> None:
    client = Client(create_app(desk, Gate(Known())))
    assert client.get("/metrics").status == 401
    assert client.get("/metrics", authorization="Bearer reads").status == 200
