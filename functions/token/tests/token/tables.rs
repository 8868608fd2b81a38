//! Looking into the tables behind the function's back.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gateway_domain::access_token;
use gateway_domain::ids::SessionId;
use gateway_domain::keys::PublicKeys;
use gateway_domain::rate_limit::CounterName;
use gateway_domain::session::Session;
use gateway_store::Counted;

use crate::fixture::{AUDIENCE, Fixture, ISSUER};
use crate::request::decoded;

/// What a call is counted in here.
pub(crate) fn one_counter() -> BTreeSet<CounterName> {
    CounterName::parse("b1").into_iter().collect()
}

impl Fixture {
    /// Whether the authorizer would let a call with this access token through.
    pub(crate) async fn calls(&self, access: &str) -> bool {
        let keys = PublicKeys::parse_jwks(&self.public).unwrap();
        let Ok(claims) = access_token::verify(access, &keys, ISSUER, AUDIENCE, self.now()) else { return false };
        let claims = claims.whoever_presents();
        let counters = one_counter();
        let counted =
            self.db.store.activity.count_call(&claims.sub, &claims.client_id, &claims.sid, (&counters, 1), self.now());
        matches!(counted.await.unwrap(), Counted::Live(_))
    }

    /// The session of an access token.
    pub(crate) async fn session(&self, access: &str) -> Session {
        let (_, claims) = decoded(access);
        let sid = SessionId::parse(claims["sid"].as_str().unwrap()).unwrap();
        self.db.store.sessions.get(&sid).await.unwrap().unwrap()
    }

    /// The versions of the internal tokens that the authorizer hands on with this access token.
    pub(crate) async fn versions(&self, access: &str) -> Vec<u64> {
        let session = self.session(access).await;
        let counters = one_counter();
        let counted = self.db.store.activity.count_call(
            &session.user_id,
            &session.client_id,
            &session.sid,
            (&counters, 1),
            self.now(),
        );
        let Counted::Live(view) = counted.await.unwrap() else { panic!("the session has ended") };
        view.tokens.values().map(|token| token.version).collect()
    }

    /// Everything in the tables, as text.
    pub(crate) async fn dump(&self) -> String {
        let tables = &self.db.tables;
        let mut dump = String::new();
        let all = [&tables.users, &tables.apps, &tables.sessions, &tables.activity, &tables.login_attempts];
        let more = [&tables.pending_sessions, &tables.browser_logins, &tables.consents, &tables.devices];
        for table in all.into_iter().chain(more) {
            let scanned = self.db.client.scan().table_name(table).send().await.unwrap();
            writeln!(dump, "{:?}", scanned.items()).unwrap();
        }
        dump
    }

    /// The live session entries of alice in an application.
    pub(crate) async fn sessions_of(&self, user: &str, client: &str) -> usize {
        let scanned = self.db.client.scan().table_name(&self.db.tables.activity).send().await.unwrap();
        let is = |value: Option<&_>, text: &str| format!("{value:?}").contains(&format!("\"{text}\""));
        let mine =
            scanned.items().iter().filter(|item| is(item.get("user_id"), user) && is(item.get("client_id"), client));
        mine.flat_map(|item| item.keys()).filter(|name| name.starts_with('s') && name.len() == 23).count()
    }
}
