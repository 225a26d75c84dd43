"""The contract's assertions are explained like those of any test."""

import pytest

pytest.register_assert_rewrite("tests.contracts.broker_contract")
