"""A municipal service: one folder of `mappings/`, read, checked and compiled."""

from __future__ import annotations

from adapter.service.cases import CaseResult, run_cases
from adapter.service.loading import declared_id, load_service, load_services
from adapter.service.model import NATIONAL_ID, Promise, Route, Service, business_key_of, search_value, search_values

__all__ = [
    "NATIONAL_ID",
    "CaseResult",
    "Promise",
    "Route",
    "Service",
    "business_key_of",
    "declared_id",
    "load_service",
    "load_services",
    "run_cases",
    "search_value",
    "search_values",
]
