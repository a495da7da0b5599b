import json

from kept import keep_run
from torch import nn

from bench.training.weights import save_weights


def test_status_and_table_say_what_is_wrong(bench, tmp_path):
    results, cache = tmp_path / "results", tmp_path / "cache"
    folder = keep_run(results)
    save_weights(nn.Linear(3, 2), folder.weights)
    status, out, _ = bench("verify", results, "--cache", cache)
    assert (status, "1 sweeps computed again" in " ".join(out.split())) == (0, True)
    records = next(folder.path.glob("records-*"))
    records.write_bytes(records.read_bytes()[:-40])
    status, out, err = bench("verify", results, "--cache", cache)
    assert (status, "1 of 6 files are not as they should be" in " ".join(err.split())) == (1, True)
    assert records.name in out.replace("\n", "")
    status, out, _ = bench("verify", results, "--cache", cache, "--json")
    (finding,) = [finding for finding in json.loads(out)["findings"] if finding["wrong"]]
    assert (status, finding["file"]) == (1, str(records))
    status, out, _ = bench("verify", results, "--cache", cache, "--repair")
    assert (status, records.exists(), f"removed {records}" in out) == (0, False, True)
    assert bench("verify", results, "--cache", cache)[0] == 0
