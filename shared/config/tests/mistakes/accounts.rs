//! Accounts that people make: the fields that they are asked for.

use super::{accepted, told};

/// The line that the cases change, which comes first.
const FIRST: &str = "issuer: https://auth.example.com\n";

#[test]
fn fields_that_no_form_can_ask_for() {
    told(&[
        (FIRST, "accounts: { signup: true }\n", 1, "accounts.signup", "unknown field: write one of sign_up"),
        (FIRST, "accounts: { sign_up: maybe }\n", 1, "accounts.sign_up", "expected true or false"),
        (
            FIRST,
            "accounts: { fields: [{ id: Name, label: x }] }\n",
            1,
            "accounts.fields[0].id",
            "write 1 to 32 characters of a-z",
        ),
        (FIRST, "accounts: { fields: [{ id: name }] }\n", 1, "accounts.fields[0]", "label"),
        (
            FIRST,
            "accounts: { fields: [{ id: name, label: x, max_length: 201 }] }\n",
            1,
            "accounts.fields[0].max_length",
            "write 1 to 200",
        ),
        (
            FIRST,
            "accounts: { fields: [{ id: a, label: x }, { id: a, label: y }] }\n",
            1,
            "accounts.fields[1].id",
            "this field is there twice",
        ),
        (
            FIRST,
            "accounts: { fields: [{ id: a, label: x, claim: sub }] }\n",
            1,
            "accounts.fields[0].claim",
            "a claim of the gateway",
        ),
        (
            FIRST,
            "accounts: { fields: [{ id: a, label: x, claim: email_verified }] }\n",
            1,
            "accounts.fields[0].claim",
            "a claim of the gateway",
        ),
        (
            FIRST,
            "accounts: { fields: [{ id: a, label: x, claim: given name }] }\n",
            1,
            "accounts.fields[0].claim",
            "is not a claim",
        ),
        (
            FIRST,
            "accounts: { fields: [{ id: a, label: x, claim: name }, { id: b, label: y, claim: name }] }\n",
            1,
            "accounts.fields[1].claim",
            "this claim is there twice",
        ),
    ]);
    accepted(&[
        (FIRST, "accounts: { fields: [{ id: a, label: x, claim: given_name }, { id: b, label: y }] }\n"),
        (FIRST, "accounts: { fields: [{ id: a, label: x, claim: 'https://example.com/customer' }] }\n"),
        (FIRST, "accounts: { sign_up: true }\n"),
        (FIRST, "accounts: { sign_up: false, login_before_verification: true }\n"),
        (FIRST, "accounts: { fields: [{ id: born, label: { en: Born, de: Geboren }, type: date, required: true }] }\n"),
    ]);
}
