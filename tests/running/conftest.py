"""One run with a sweep, which the tests of what a run keeps share."""

import pytest
from whole_run import SWEEP, request_maker

from bench.running.run import run
from bench.runs.folder import RunFolder


@pytest.fixture(scope="session")
def shared(cache, trained, tmp_path_factory):
    """A request and the result of its run, with five policies under three thresholdings."""
    make = request_maker(cache, tmp_path_factory.mktemp("shared") / "results")
    request = trained(make(sweep=SWEEP, calibration_share=0.3))
    return request, run(request)


@pytest.fixture
def folder(finished):
    """Folder of a module's finished run (``finished``: request and result), given back as it was."""
    path = finished[1].folder.path
    before = {file: file.read_bytes() for file in path.iterdir() if file.is_file()}
    yield RunFolder(path)
    for file in list(path.iterdir()):
        if file not in before:
            file.unlink()
    for file, content in before.items():
        file.write_bytes(content)
