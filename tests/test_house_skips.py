"""The rule that holds continuous integration to everything: there, a skip is a failure, however it comes about."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SKIP = "pytest.skip('no peer')"
SAMPLES = {
    "call": f"def test_it():\n    {SKIP}\n",
    "mark": "@pytest.mark.skipif(True, reason='no peer')\ndef test_it():\n    pass\n",
    "fixture": f"@pytest.fixture\ndef peer():\n    {SKIP}\ndef test_it(peer):\n    pass\n",
    "module": "pytest.skip('no peer', allow_module_level=True)\n",
    "empty": "@pytest.mark.parametrize('one', [])\ndef test_it(one):\n    pass\n",
}


def run(folder: Path, **variables: str) -> str:
    """The output of pytest over the folder; it does not stop at what cannot be collected."""
    environment = {name: value for name, value in os.environ.items() if name != "DHCPD_NO_SKIPS"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", "."]
    done = subprocess.run(
        command, cwd=folder, env={**environment, **variables}, capture_output=True, text=True, check=False
    )
    return f"{done.returncode}\n{done.stdout}"


def test_a_skip_fails_where_nothing_may_be_skipped(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent / "conftest.py", tmp_path / "conftest.py")
    for name, text in SAMPLES.items():
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n{text}")
    assert "5 skipped" in run(tmp_path)
    refused = run(tmp_path, DHCPD_NO_SKIPS="1")
    assert refused.startswith("1\n")
    for name in SAMPLES:
        assert f"test_{name}.py" in refused
    assert "skipped in" not in refused
    assert "no peer" in refused
