"""The shipped samples are what their script makes, and can be used as they are."""

import polars as pl

from fraud import event_types
from scripts import generate_samples, infer_event_type


def test_the_sample_is_what_its_script_makes(tmp_path, monkeypatch):
    shipped = generate_samples.SAMPLE.read_bytes()
    monkeypatch.setattr(generate_samples, "SAMPLE", tmp_path / "payments.csv")
    assert generate_samples.main() == 0
    assert (tmp_path / "payments.csv").read_bytes() == shipped


def test_the_event_type_proposed_for_the_sample_names_every_column(tmp_path):
    out = tmp_path / "payments.yaml"
    assert infer_event_type.main([str(generate_samples.SAMPLE), "--out", str(out)]) == 0
    proposed = event_types.load(out)
    roles = (proposed.id, proposed.timestamp, proposed.amount, proposed.label)
    assert roles == ("payment_id", "authorised_at", "amount", "is_fraud")
    assert {entity.column for entity in proposed.entities} == {"customer", "terminal"}
    assert set(pl.read_csv(generate_samples.SAMPLE).columns) == {*roles, "customer", "terminal"}
