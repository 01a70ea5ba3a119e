"""Proposed event types of known and public data sets: a person's roles, and training on them as they are."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from fraud import event_types
from fraud.data.preparation import prepare
from scripts import event_type_example as example
from scripts import infer_event_type
from scripts.inference.draft import Forced
from scripts.inference.proposal import propose
from tests.unit.proposals import events, learnt, proposed, roles, why, written

# By file: the shipped event type, rows that keep the test fast, and an AUC well below what was measured.
REFERENCE = {
    "handbook_visible_apr_jul": ("card-transactions", pl.col("CUSTOMER_ID") < 1000, 0.75),
    "sparkov_replica_seed1_transactions": ("sparkov", pl.col("ts") >= pl.datetime(2020, 9, 20), 0.97),
    "ulb_sample_all_frauds": ("ulb", pl.lit(True), 0.96),
    "ulb_40pct_int_rounded": ("ulb", pl.lit(True), 0.9),
    "afd_registration_20k": ("afd-registration", pl.lit(True), 0.95),
    "afd_transactions_2k_coldstart": ("afd-transactions", pl.lit(True), 0.7),
    "afd_insurance_2k_coldstart": ("afd-insurance", pl.lit(True), 0.9),
    "aws_autoinsurance_claims": ("auto-insurance-claims", pl.lit(True), 0.52),
    "handbook_features_golden_week": ("card-transactions", pl.lit(True), 0.75),
}
# Where a proposal says something else than the file that a person wrote, and why that is reasonable.
DIFFERENCES = {
    # Two claims of the same standing: nothing tells which one is at stake, so the first is taken.
    "afd_insurance_2k_coldstart": {"amount": "injury_claim"},
    # Nearly every address has a network of its own, so networks repeat no more than addresses do.
    "afd_registration_20k": {
        "entities": {("email_address", "lower"), ("ip_address", None), ("email_address", "email_domain")}
    },
}


@pytest.mark.reference_data
@pytest.mark.parametrize("file", REFERENCE)
def test_roles_are_those_of_the_shipped_files(file, shared_data):
    proposal = propose(shared_data / f"{file}.parquet", "proposed")
    assert roles(proposal.event_type) == roles(event_types.load(REFERENCE[file][0])) | DIFFERENCES.get(file, {})
    shipped = event_types.load(REFERENCE[file][0])
    assert not set(proposal.event_type.required_columns) & (set(shipped.drop) - {"policy_id"})


@pytest.mark.reference_data
@pytest.mark.parametrize("file", REFERENCE)
def test_training_on_a_proposal_works_without_editing(file, shared_data, tmp_path):
    _, rows, least = REFERENCE[file]
    data = tmp_path / "data.parquet"
    pl.scan_parquet(shared_data / f"{file}.parquet").filter(rows).sink_parquet(data)
    event_type = written(data, tmp_path / "proposed.yaml")
    _, _, auc = learnt(data, event_type, tmp_path / "out")
    print(f"{file}: AUC {auc:.3f}")
    assert auc >= least


@pytest.mark.reference_data
@pytest.mark.parametrize("file", ["aws_autoinsurance_customers", "handbook_law_seed0_customers_xy"])
def test_files_without_events_are_told_so(file, shared_data, capsys):
    assert infer_event_type.main([str(shared_data / f"{file}.parquet")]) == 1
    assert "no label found" in capsys.readouterr().err


# --- layouts of public data sets, by their names and a few rows of the same form ---


def _layout(name: str) -> pl.DataFrame:
    random = np.random.default_rng(7)
    base = events()
    times, who = base["event_time"], [int(card[1:]) for card in base["card_id"]]
    amount = base["amount"]
    shops = [f"shop {number}" for number in random.integers(0, 70, 400)]
    fraud = base["is_fraud"]
    columns = {
        "sparkov of Kaggle": {
            "Unnamed: 0": range(400),
            "trans_date_trans_time": times.dt.to_string("%Y-%m-%d %H:%M:%S"),
            "cc_num": [example.card_number(number) for number in who],
            "merchant": shops,
            "amt": amount,
            "first": [f"F{number % 33}" for number in who],
            "zip": [10_000 + number for number in who],
            "lat": [30.0 + number for number in who],
            "long": [40.0 + number for number in who],
            "job": [f"J{number % 31}" for number in who],
            "dob": [f"19{50 + number}-01-02" for number in who],
            "trans_num": [f"{number:032x}" for number in random.permutation(400)],
            "unix_time": times.dt.epoch("s"),
            "merch_lat": [30.5 + number + random.random() for number in who],
            "merch_long": [40.5 + number + random.random() for number in who],
            "is_fraud": fraud,
        },
        "PaySim": {
            "step": (times.dt.epoch("s") // 3600) - 476_000,
            "type": random.choice(["PAYMENT", "TRANSFER", "CASH_OUT"], 400),
            "amount": amount,
            "nameOrig": [f"C{number}" for number in random.permutation(400)],
            "nameDest": [f"M{number}" for number in random.integers(0, 70, 400)],
            "isFraud": fraud,
            "isFlaggedFraud": [0] * 399 + [1],
        },
        "IBM, laundering": {
            "Timestamp": times.dt.to_string("%Y/%m/%d %H:%M"),
            "From Bank": [number % 20 for number in who],
            "Account": [f"8{number:06X}" for number in who],
            "Account.1": [f"9{number:06X}" for number in random.integers(0, 90, 400)],
            "Amount Received": amount,
            "Amount Paid": amount,
            "Payment Format": random.choice(["ACH", "Cheque"], 400),
            "Is Laundering": fraud,
        },
        "IEEE-CIS": {
            "TransactionID": range(2_987_000, 2_987_400),
            "isFraud": fraud,
            "TransactionDT": times.dt.epoch("s") - 1_714_000_000,
            "TransactionAmt": amount,
            "ProductCD": random.choice(["W", "H", "C"], 400),
            "card1": [1_000 + 97 * number for number in random.integers(0, 90, 400)],
            "card4": random.choice(["visa", "mastercard"], 400),
            "P_emaildomain": random.choice(["gmail.com", "yahoo.com"], 400),
        },
        "shop of Kaggle": {
            "user_id": random.permutation(400),
            "signup_time": (times - timedelta(days=3)).dt.to_string("%Y-%m-%d %H:%M:%S"),
            "purchase_time": times.dt.to_string("%Y-%m-%d %H:%M:%S"),
            "purchase_value": amount,
            "device_id": [f"D{number}" for number in who],
            "sex": random.choice(["M", "F"], 400),
            "class": fraud,
        },
    }
    return pl.DataFrame(columns[name])


@pytest.mark.parametrize(
    ("name", "forced", "id_", "timestamp", "amount", "label", "entities"),
    [
        ("sparkov of Kaggle", {}, "trans_num", "trans_date_trans_time", "amt", "is_fraud", {"cc_num", "merchant"}),
        ("PaySim", {}, None, None, "amount", "isFraud", set()),
        (
            "PaySim",
            {"timestamp": "step", "timestamp_format": "epoch_hours"},
            None,
            "step",
            "amount",
            "isFraud",
            {"nameDest"},
        ),
        (
            "IBM, laundering",
            {},
            None,
            "Timestamp",
            "Amount Received",
            "Is Laundering",
            {"Account", "Account.1"},
        ),
        (
            "IEEE-CIS",
            {"timestamp": "TransactionDT"},
            "TransactionID",
            "TransactionDT",
            "TransactionAmt",
            "isFraud",
            {"card1"},
        ),
        ("shop of Kaggle", {}, None, "purchase_time", "purchase_value", "class", {"device_id"}),
    ],
)
def test_roles_in_layouts_of_public_data_sets(name, forced, id_, timestamp, amount, label, entities, tmp_path):
    _layout(name).write_csv(tmp_path / "data.csv")
    proposal = propose(tmp_path / "data.csv", "layout", Forced(**forced))
    found = proposal.event_type
    assert (found.id, found.timestamp, found.amount, found.label) == (id_, timestamp, amount, label)
    assert {entity.column for entity in found.entities} == entities
    prepare([tmp_path / "data.csv"], found, tmp_path / "out", log=lambda _: None)
    if name == "PaySim" and not forced:
        assert any("--timestamp step=epoch_hours" in note for note in proposal.notes)
    if name == "sparkov of Kaggle":
        assert found.distances == (("home", "merch"),)
        assert set(found.drop) == {"Unnamed: 0", "first", "job", "unix_time"}


def test_numbers_with_signs_of_currency_are_named(tmp_path):
    amounts = [f"${amount:,.2f}" for amount in events()["amount"]]
    proposal = proposed(tmp_path, events(amount=amounts))
    assert "write them as plain numbers" in why(proposal, "amount")
