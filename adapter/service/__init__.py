"""A municipal service: one folder of `mappings/`, read, checked and compiled."""

from __future__ import annotations

from adapter.service.cases import CaseResult, run_cases
from adapter.service.loading import declared_id, load_service, load_services
from adapter.service.model import NATIONAL_ID, Promise, Route, Service, business_key_of, search_value, search_values
from adapter.service.publication import TABLE as PUBLICATION
from adapter.service.publication import publication_of

__all__ = [
    "NATIONAL_ID",
    "PUBLICATION",
    "CaseResult",
    "Promise",
    "Route",
    "Service",
    "business_key_of",
    "declared_id",
    "load_service",
    "load_services",
    "publication_of",
    "run_cases",
    "search_value",
    "search_values",
]
