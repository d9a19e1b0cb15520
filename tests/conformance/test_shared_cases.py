"""The wire-level cases that come beside this repository (../shared/cases), each whole, cut and octet by octet, in strict judgement."""
import shutil
import subprocess

import pytest

from harness import ROOT

CASES = ROOT.parent / "shared/cases/http1_cases.mjs"
MAX_BODY = 1 << 20


@pytest.fixture
def echo(compile, start):
    return start([compile("""
#include <shallot.h>
static int echo(sl_ctx *c)
{
    const void *body;
    size_t len;
    int r = sl_request_body(c, &body, &len);

    if (r < 0)
        return r;
    sl_set_header(c, "X-Target", sl_target(c));
    return sl_bytes(c, body, len);
}
int main(void)
{
    sl_app *app = sl_new(.instances = 1);
    sl_all(app, ".*", echo);
    return sl_listen(app);
}
""")])


@pytest.mark.skipif(not CASES.exists() or not shutil.which("node"), reason="needs ../shared/cases and node")
def test_shared_cases_strict(echo):
    done = subprocess.run(["node", CASES, "--port", str(echo.port), "--strict", "--max-body", str(MAX_BODY), "--quiet"], capture_output=True,
                          text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-8000:]
