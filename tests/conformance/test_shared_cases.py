"""The wire-level cases that come beside this repository (../shared/cases), each whole, cut and octet by octet, in strict judgement."""
import shutil
import subprocess

import pytest

from harness import ROOT

CASES = ROOT.parent / "shared/cases/http1_cases.mjs"
MAX_BODY = 1 << 20


@pytest.mark.skipif(not CASES.exists() or not shutil.which("node"), reason="needs ../shared/cases and node")
def test_shared_cases_strict(echo):
    done = subprocess.run(["node", CASES, "--port", str(echo.port), "--strict", "--max-body", str(MAX_BODY), "--quiet"], capture_output=True,
                          text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-8000:]
