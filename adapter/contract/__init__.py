"""A system's interface in one version: a folder of `contracts/`, its codecs and what its answers mean."""

from adapter.contract.loading import load_contract

__all__ = ["load_contract"]
