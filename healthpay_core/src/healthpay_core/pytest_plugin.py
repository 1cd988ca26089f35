"""What pytest loads of itself: failures of the test kit show what they compared.

Only pytest imports this, by the entry point of the distribution, and before the kit:
pytest shows the values of an assertion in those modules only that it was told of
before they are imported.
"""

import pytest

pytest.register_assert_rewrite("healthpay_core.testing")
