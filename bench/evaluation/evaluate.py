"""A file of embeddings scored: exit tables, policies at every budget, records in a results folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench import provenance, registry
from bench.budget.policy import Evidence, Need
from bench.budget.verification import verification_records
from bench.cost.axes.contract import stated_search
from bench.errors import BenchError
from bench.evaluation.embeddings import EmbeddedImages, Embeddings, EmbeddingsSpec
from bench.evaluation.request import EvaluationRequest
from bench.progress import SILENT, Reporter
from bench.retrieval.drawn import build_drawn_table, protocol, scored_counts
from bench.retrieval.evaluate import exit_scores
from bench.retrieval.labels import cameras
from bench.retrieval.table import ExitTable
from bench.retrieval.table_file import load_table, save_table
from bench.running.keep import obtain
from bench.running.readying import Fitted, Fitting, make_ready, with_features
from bench.running.result import RunResult, Scored, obtain_result, policy_versions, records_path
from bench.running.scoring import EXIT_SCORES, sweep_records, table_records
from bench.running.verifying import obtain_pairs
from bench.runs.folder import RunFolder
from bench.spec import EVALUATION_VERSION, EvaluationSpec, SweepSpec

OF_A_FILE: Mapping[Need, str] = {
    "calibration": "learns from identities held out of training, and the file has no calibration_query",
    "training statistics": "learns from the course of training, and the file has no training.retrieval_history",
}
"""Why a policy cannot be fitted where a file lacks what it needs."""


def evaluate(request: EvaluationRequest, reporter: Reporter = SILENT) -> RunResult:
    """Score a file of embeddings, or find it scored.

    Raises BenchError for whatever the user can mend: in the file, in the request, in the results folder.
    """
    embeddings = request.read()
    for name in request.sweep.thresholdings if request.sweep else ():
        _check_thresholding(name, embeddings)
    spec = _spec(request, embeddings)
    folder = RunFolder.of(request.results, spec)
    about = embeddings.about
    evaluation = replace(request.evaluation, views=about.get("views", "centre"))
    sweep = request.sweep and replace(request.sweep, cost=str(embeddings.cost["name"]))
    policies = request.policies()
    path = records_path(folder, evaluation, sweep or EXIT_SCORES, policies)

    def make() -> Scored:
        folder.describe(spec)
        return _Scoring(request, embeddings, spec, evaluation, sweep, folder, reporter).score()

    return obtain_result(folder, path, make, reporter, fresh=request.fresh)


class _Scoring:
    """One evaluation under way: the embeddings, where results go, and who is told."""

    def __init__(
        self,
        request: EvaluationRequest,
        embeddings: Embeddings,
        spec: EmbeddingsSpec,
        evaluation: EvaluationSpec,
        sweep: SweepSpec | None,
        folder: RunFolder,
        reporter: Reporter,
    ) -> None:
        self.request, self.embeddings, self.spec = request, embeddings, spec
        self.evaluation, self.sweep = evaluation, sweep
        self.folder, self.reporter = folder, reporter

    def score(self) -> Scored:
        """Make tables and records, and the header that goes before them."""
        embeddings = self.embeddings
        table = self._table("test", embeddings.query, embeddings.gallery)
        calibration = self._table("calibration", *embeddings.calibration) if embeddings.calibration else None
        fitted = None
        if self.sweep and len(embeddings.exits) == 1:
            self.reporter.note("the file has one exit: there is no budget to sweep, it is scored as a point")
        if self.sweep and len(embeddings.exits) > 1:
            fitted = self._fitted(table, calibration)
            self.reporter.note(f"sweeping {len(fitted.policies)} policies")
            # Where nothing says what a policy's own work costs, those that do any have been left out.
            rate, search = embeddings.policy_mac or 1.0, stated_search(embeddings.cost)
            records = sweep_records(fitted, embeddings.costs, self.sweep, rate, search)
        else:
            records = table_records(table, embeddings.costs)
        query, gallery = embeddings.query, embeddings.gallery
        pairs = obtain_pairs(
            self.folder,
            self.evaluation.views,
            lambda: (query.codes, gallery.codes),
            query.labels,
            gallery.labels,
            self.reporter,
        )
        swept = self.sweep or EXIT_SCORES
        records += verification_records(pairs, query.pids, swept.resamples, swept.seed)
        return self._header(table, calibration, fitted), records

    def _table(self, split: str, query: EmbeddedImages, gallery: EmbeddedImages) -> ExitTable:
        def make() -> ExitTable:
            self.reporter.note(f"matching every {split} query at every exit")
            return build_drawn_table(
                gallery.draws,
                self.embeddings.exits,
                query.codes,
                gallery.codes,
                *query.labels,
                *gallery.labels,
                ap=self.evaluation.ap,
                signals=self.evaluation.signals,
                class_entropy=query.entropy,
                classes=0 if query.entropy is None else int(self.embeddings.about.get("classes", 0)),
            )

        return obtain(self.folder.table(split, self.evaluation.key), load_table, make, save_table, self.reporter)

    def _fitted(self, table: ExitTable, calibration: ExitTable | None) -> Fitted:
        embeddings = self.embeddings
        policies = self.request.policies()
        training = embeddings.training
        if training is not None:
            table = _featured(table, embeddings.query, embeddings.gallery)
            if calibration is not None and embeddings.calibration is not None:
                calibration = _featured(calibration, *embeddings.calibration)
        fitting = Fitting(self.folder, self.evaluation.key, self.spec.seed, self.spec.method, self.reporter, OF_A_FILE)
        evidence = Evidence(calibration, training)
        fitted = make_ready(fitting, policies, table, evidence, leave_out=self.request.leave_out)
        return fitted if embeddings.policy_mac is not None else self._affordable(fitted)

    def _affordable(self, fitted: Fitted) -> Fitted:
        """Leave out policies that compute something, where nothing says what that costs."""
        signals = fitted.table.signals
        dear = [one.name for one in fitted.policies if any(one.macs(signals.dims, signals.classes))]
        unit = self.embeddings.cost["unit"]
        reason = f"it computes something itself, and about.cost.policy_mac does not say what that costs in {unit}"
        if dear and not self.request.leave_out:
            raise BenchError(f"policy {dear[0]} does not apply: {reason}")
        for name in dear:
            self.reporter.note(f"policy {name} left out: {reason}")
        kept = [one for one in fitted.policies if one.name not in dear]
        if not kept:
            raise BenchError(f"no policy applies: {reason}")
        reports = {name: report for name, report in fitted.reports.items() if name not in dear}
        return replace(
            fitted, policies=kept, reports=reports, left_out={**fitted.left_out, **dict.fromkeys(dear, reason)}
        )

    def _header(self, table: ExitTable, calibration: ExitTable | None, fitted: Fitted | None) -> dict[str, Any]:
        about = self.embeddings.about
        differing = protocol(self.embeddings.query.camids, self.embeddings.gallery.draws)
        told = about.get("exits") or [{} for _ in self.embeddings.exits]
        exits = [
            {**row, "name": spec.name, "code": spec.code, "dim": spec.dim}
            for row, spec in zip(told, self.embeddings.exits, strict=True)
        ]
        return {
            "run": self.spec.key,
            "spec": self.spec.to_json(),
            "evaluation": asdict(self.evaluation),
            "evaluation_key": self.evaluation.key,
            "sweep": (self.sweep or EXIT_SCORES).to_json(),
            "cost": dict(self.embeddings.cost),
            "dataset": {
                "name": self.spec.dataset,
                "rendered": bool(about.get("rendered", False)),
                "counts": (about.get("counts") or _counts(self.embeddings, calibration))
                | scored_counts(table, len(self.embeddings.query.pids), self.embeddings.gallery.draws),
                **({"protocol": differing} if differing else {}),
            },
            "method": about.get("method") or {"name": self.spec.method, "summary": "embeddings from elsewhere"},
            "exits": exits,
            "cost_convention": about.get("cost_convention") or "as the file of embeddings states it",
            "training": about.get("training"),
            "calibration": exit_scores(calibration) if calibration else None,
            "learned": fitted.reports if fitted else {},
            "left_out": fitted.left_out if fitted else {},
            "policy_versions": policy_versions(self.request.policies()),
            "embeddings": {"file": self.request.source, "content": self.spec.content, "run": about.get("run")},
            "provenance": provenance.collect(
                device="none",
                precision="as in the file of embeddings",
                threads=os.cpu_count() or 1,
                versions={"evaluation": EVALUATION_VERSION},
            ),
        }


def _spec(request: EvaluationRequest, embeddings: Embeddings) -> EmbeddingsSpec:
    about = embeddings.about
    seed = about.get("seed", 0) if request.seed is None else request.seed
    return EmbeddingsSpec(
        dataset=request.dataset or about.get("dataset") or "embeddings",
        fingerprint=embeddings.fingerprint,
        method=request.name or about.get("name") or Path(request.source).stem,
        seed=seed,
        content=embeddings.content,
    )


def _check_thresholding(name: str, embeddings: Embeddings) -> None:
    thresholding = registry.thresholding(name)
    if thresholding.needs == "calibration" and embeddings.calibration is None:
        raise BenchError(
            f"thresholding {name} needs identities held out of training, and the file has no calibration_query: leave "
            "it out, or add them"
        )


def _featured(table: ExitTable, query: EmbeddedImages, gallery: EmbeddedImages) -> ExitTable:
    assert query.features is not None
    assert gallery.features is not None
    return with_features(table, query.features, gallery.features, query.labels, gallery.labels)


def _counts(embeddings: Embeddings, calibration: ExitTable | None) -> dict[str, int]:
    query, gallery = embeddings.query, embeddings.gallery
    return {
        "calibration queries": len(calibration) if calibration else 0,
        "query images": len(query.pids),
        "query identities": len(set(query.pids.tolist())),
        "gallery images": len(gallery.pids),
        "cameras": len({*cameras(query.camids).tolist(), *cameras(gallery.camids).tolist()}),
    }
