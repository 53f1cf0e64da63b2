from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dhcpd.admin.office import Office

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()
