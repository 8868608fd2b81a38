//! What each step costs on DynamoDB: the same operations whether an address is free, waits for a proof, has an owner, or has
//! nobody.

use gateway_domain::address::Address;
use gateway_domain::ids::UserId;
use gateway_store::User;
use serde_json::{Value, json};
use support::Authenticator;

use crate::browser::Browser;
use crate::fixture::{Fixture, PASSWORD};
use crate::passkeys::id_of;

impl Fixture {
    /// The status of a request, and the operations that it cost.
    async fn cost(&self, path: &str, body: &Value) -> (u64, Vec<String>) {
        self.wire.since_last();
        let response = self.json("POST", path, body).await;
        (response.status, self.wire.since_last())
    }
}

/// The counters of the source and the address; the user, if any; one transaction.
const ASKED: [&str; 7] = [
    "GetItem LoginAttempts",
    "UpdateItem LoginAttempts",
    "GetItem LoginAttempts",
    "UpdateItem LoginAttempts",
    "GetItem Users",
    "GetItem Users",
    "TransactWriteItems ",
];

#[tokio::test]
async fn a_sign_up_costs_the_same_whoever_has_the_address() {
    let fixture = Fixture::new().await;
    fixture.owner("owner@example.com", true).await;
    let sign_up = |email: &str| json!({ "email": email, "password": PASSWORD });
    for (case, email) in [("free", "new@example.com"), ("waits", "new@example.com"), ("owner", "owner@example.com")] {
        let cost = fixture.cost("sign-up", &sign_up(email)).await;
        assert_eq!(cost, (202, ASKED.map(str::to_owned).to_vec()), "{case}");
    }
}

#[tokio::test]
async fn asking_for_a_mail_costs_the_same_whether_it_tells_something() {
    let fixture = Fixture::new().await;
    fixture.owner("owner@example.com", true).await;
    fixture.owner("disabled@example.com", false).await;
    for email in ["owner@example.com", "disabled@example.com", "nobody@example.com"] {
        let cost = fixture.cost("forgotten", &json!({ "email": email })).await;
        assert_eq!(cost, (202, ASKED.map(str::to_owned).to_vec()), "{email}");
    }
}

#[tokio::test]
async fn a_proof_by_mail_costs_the_same_whoever_has_the_address_and_a_wrong_code_whoever_it_is_for() {
    let fixture = Fixture::new().await;
    let owner = fixture.owner("owner@example.com", true).await;
    fixture.owner("disabled@example.com", false).await;
    let (user_id, email) = (UserId::parse("elsewhere").unwrap(), Address::parse("elsewhere@example.com").unwrap());
    fixture.db.store.users.create(&User { user_id, email, password: None, ..owner }).await.unwrap();
    for email in ["owner@example.com", "elsewhere@example.com", "disabled@example.com", "nobody@example.com"] {
        let cost = fixture.cost("unlock", &json!({ "email": email })).await;
        assert_eq!(cost, (202, ASKED.map(str::to_owned).to_vec()), "{email}");
    }
    for (proof, operations) in [("code", 6), ("token", 3)] {
        let mut costs = Vec::new();
        for email in ["owner@example.com", "elsewhere@example.com", "nobody@example.com"] {
            let ticket = fixture.json("POST", "unlock", &json!({ "email": email })).await.member("unlock");
            costs.push(fixture.cost("unlock/confirm", &json!({ "unlock": ticket, proof: "12345678" })).await);
        }
        assert_eq!((costs[0].0, costs[0].1.len()), (400, operations), "{proof}: {costs:?}");
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{proof}: {costs:?}");
    }
}

/// A mistake in a field is told before anything is counted or written.
#[tokio::test]
async fn what_is_refused_at_its_field_costs_nothing() {
    let fixture = Fixture::new().await;
    for body in
        [json!({ "email": "x", "password": PASSWORD }), json!({ "email": "a@example.com", "password": "short" })]
    {
        assert_eq!(fixture.cost("sign-up", &body).await, (400, Vec::new()), "{body}");
    }
}

/// Who is logged in, the passkeys, the credentials, and one transaction; a removal begins the login of the browser anew.
#[tokio::test]
async fn a_passkey_is_added_and_removed_by_one_transaction() {
    let fixture = Fixture::new().await;
    fixture.owner("ada@example.com", true).await;
    let mut browser = Browser::of(&fixture, "ada@example.com").await;
    let form = browser.open(&fixture, "/account/passkeys").await;
    let response = browser.makes(&fixture, &mut Authenticator::new("https://auth.example.com")).await;
    fixture.wire.since_last();
    let logged_in = ["GetItem BrowserLogins", "GetItem Users"];
    assert_eq!(browser.fill(&fixture, &form, &[("credential", &response)]).await.status, 303);
    let added = ["GetItem Users", "GetItem Users", "GetItem Users", "TransactWriteItems "];
    assert_eq!(fixture.wire.since_last(), [&logged_in[..], &added].concat());
    assert_eq!(browser.fill(&fixture, &form, &[("credential", &response)]).await.status, 303);
    assert_eq!(fixture.wire.since_last(), [&logged_in[..], &["GetItem Users"]].concat(), "the same again");
    let page = browser.get(&fixture, "/account/passkeys").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert_eq!(fixture.wire.since_last(), [&logged_in[..], &["GetItem Users"]].concat());
    let id = id_of(&response).to_string();
    assert_eq!(browser.fill(&fixture, &form, &[("passkey", &id), ("remove", "yes")]).await.status, 303);
    let again = ["GetItem BrowserLogins", "PutItem BrowserLogins", "DeleteItem BrowserLogins"];
    let removed = [&logged_in[..], &["GetItem Users", "TransactWriteItems "], &again].concat();
    assert_eq!(fixture.wire.since_last(), removed);
}
