from __future__ import annotations

from flask.testing import FlaskClient

from app.wiring.services import Services


def test_with_a_model_the_service_is_healthy(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/health")

    assert answer.status_code == 200
    assert answer.get_json() == {
        "status": "healthy",
        "model_loaded": True,
        "model_info": {"name": "churn", "version": "3", "problem_type": "binary", "eval_metric": "log_loss"},
    }


def test_without_a_model_the_service_is_unhealthy_in_the_same_form(anonymous: FlaskClient, services: Services) -> None:
    services.active.current = None

    answer = anonymous.get("/health")

    assert answer.status_code == 503
    assert answer.content_type == "application/json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json() == {"status": "unhealthy", "model_loaded": False, "model_info": None}


def test_a_process_without_a_model_is_alive(anonymous: FlaskClient, services: Services) -> None:
    services.active.current = None

    answer = anonymous.get("/health/live")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "alive"})


def test_with_a_model_the_service_is_ready(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/health/ready")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ready"})


def test_without_a_model_the_service_is_not_ready(anonymous: FlaskClient, services: Services) -> None:
    services.active.current = None

    answer = anonymous.get("/health/ready")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.get_json()["error"] == "model_not_ready"
