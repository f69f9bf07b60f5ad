"""A municipal service: one folder of `mappings/`, read, checked and compiled."""

from __future__ import annotations

from adapter.promise import Promise
from adapter.service.cases import CaseResult, Difference, run_cases
from adapter.service.coverage import Coverage, coverage_of, coverage_of_all
from adapter.service.layers import TENANTS, layers_of, overlays
from adapter.service.loading import (
    declared_gateway,
    declared_id,
    is_draft,
    load_service,
    load_services,
    load_views,
    service_folders,
)
from adapter.service.model import (
    NATIONAL_ID,
    DocumentLimits,
    Route,
    Service,
    ServiceStage,
    business_key_of,
    search_value,
    search_values,
)
from adapter.service.publication import TABLE as PUBLICATION
from adapter.service.publication import publication_of
from adapter.service.referral import REFERRAL, referral_of

__all__ = [
    "NATIONAL_ID",
    "PUBLICATION",
    "REFERRAL",
    "TENANTS",
    "CaseResult",
    "Coverage",
    "Difference",
    "DocumentLimits",
    "Promise",
    "Route",
    "Service",
    "ServiceStage",
    "business_key_of",
    "coverage_of",
    "coverage_of_all",
    "declared_gateway",
    "declared_id",
    "is_draft",
    "layers_of",
    "load_service",
    "load_services",
    "load_views",
    "overlays",
    "publication_of",
    "referral_of",
    "run_cases",
    "search_value",
    "search_values",
    "service_folders",
]
