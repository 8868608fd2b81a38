//! Logins on the app's own screens: what the user is shown, and what a network that fails may cost.

use gateway_client::{Error, Field, Kept, Step};
use support::{ADA, BOB, DEMO_APP};

use crate::network::{Fault, response};
use crate::world::{World, orders, typed, works};

const CHALLENGE: &str = "POST /oauth2/challenge";
const REDEMPTION: &str = "grant_type=authorization_code";

/// What a login is told that takes more, or something else.
fn step(outcome: Result<(), Error>) -> Step {
    let Err(Error::MoreNeeded(step)) = outcome else { panic!("{outcome:?}") };
    *step
}

#[tokio::test]
async fn a_wrong_password_is_told_from_a_gateway_that_does_not_answer() {
    let world = World::new().await;
    let app = world.app();
    let wrong = step(app.login(&[("username", ADA.name), ("password", "wrong")]).await);
    assert_eq!((wrong.mistake.as_deref(), wrong.system), (Some("wrong_login"), None));
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)));
    for status in ["503 Service Unavailable", "429 Too Many Requests"] {
        world.network.fail(CHALLENGE, [response(status, "Retry-After: 5\r\n", "{}")]);
        let outcome = app.login(&typed(ADA)).await;
        assert!(matches!(outcome, Err(Error::TryLater(wait)) if wait.as_secs() == 5), "{outcome:?}");
    }
    world.network.fail(CHALLENGE, [Fault::LoseResponse]);
    assert!(matches!(app.login(&typed(ADA)).await, Err(Error::NoResponse)));
    assert!(!app.is_logged_in().expect("a file"));
    assert_eq!(world.network.seen(CHALLENGE), 4, "what counts as an attempt is not repeated by itself");
    app.login(&typed(ADA)).await.expect("a login");
    works(&app).await;
}

/// The code is used up, the app does not know. Twice in a row.
#[tokio::test]
async fn a_lost_response_to_a_redemption_is_made_good() {
    let world = World::new().await;
    world.network.fail(REDEMPTION, [Fault::LoseResponse, Fault::CutResponse]);
    let app = world.logged_in().await;
    works(&app).await;
    assert_eq!((world.network.seen(CHALLENGE), world.network.seen(REDEMPTION)), (1, 3));
    let ids = world.network.header("idempotency-key");
    assert!(ids.len() == 3 && ids.iter().all(|id| *id == ids[0]), "one attempt, one id: {ids:?}");
    assert_eq!(world.generation(), 1);

    // Where patience ends it takes another login, and nobody is half logged in.
    let world = World::new().await;
    let app = world.app();
    world.network.fail(REDEMPTION, vec![Fault::LoseRequest; 3]);
    assert!(matches!(app.login(&typed(ADA)).await, Err(Error::NoResponse)));
    assert!(!app.is_logged_in().expect("a file"));
    app.login(&typed(ADA)).await.expect("a login");
    works(&app).await;
}

#[tokio::test]
async fn a_login_goes_on_with_what_is_missing() {
    let world = World::new().await;
    let app = world.app();
    let missing = step(app.login(&typed(ADA)[..1]).await);
    let names: Vec<_> = missing.fields.iter().map(|field| (field.name.as_str(), field.required)).collect();
    assert_eq!((names, missing.mistake), (vec![("username", true), ("password", true)], None));
    app.login(&typed(ADA)).await.expect("a login");
    works(&app).await;
    let (whole, going_on) = ("code_challenge=", "auth_session=");
    assert_eq!((world.network.seen(whole), world.network.seen(going_on)), (1, 1));

    // Fields that are not known here are shown by what the gateway says of them.
    let body = r#"{"error":"insufficient_authorization","auth_session":"mga_x","step":"password","mistake":"refused_by",
        "system":"Orders","fields":[{"name":"password.orders","system":"Orders","required":false}]}"#;
    world.network.fail(CHALLENGE, [response("403 Forbidden", "", body)]);
    let more = step(app.login(&typed(BOB)).await);
    assert_eq!((more.mistake.as_deref(), more.system.as_deref()), (Some("refused_by"), Some("Orders")));
    let orders = Field { name: "password.orders".to_owned(), system: Some("Orders".to_owned()), required: false };
    assert_eq!(more.fields, [orders]);
    // What was begun has lapsed: the app begins anew by itself.
    let lapsed = response("400 Bad Request", "", r#"{"error":"invalid_session"}"#);
    world.network.fail(going_on, [lapsed]);
    app.login(&typed(ADA)).await.expect("a login");
    assert_eq!((world.network.seen(whole), world.network.seen(going_on)), (3, 2));
    works(&app).await;
}

#[tokio::test]
async fn what_an_app_cannot_show_goes_on_elsewhere() {
    let world = World::new().await;
    let app = world.app();
    let with_request = r#"{"error":"redirect_to_web","request_uri":"urn:x"}"#;
    for (body, expected) in [(with_request, Some("urn:x")), (r#"{"error":"redirect_to_web"}"#, None)] {
        world.network.fail(CHALLENGE, [response("403 Forbidden", "", body)]);
        let outcome = app.login(&typed(ADA)).await;
        let Err(Error::OpenBrowser { request_uri }) = outcome else { panic!("{outcome:?}") };
        assert_eq!(request_uri.as_deref(), expected);
    }
    // A step of a later gateway, which this app does not know.
    let body = r#"{"error":"insufficient_authorization","auth_session":"mga_x","step":"dance"}"#;
    world.network.fail(CHALLENGE, [response("403 Forbidden", "", body)]);
    assert!(matches!(app.login(&typed(ADA)).await, Err(Error::Refused(_))));
}

/// RFC 9470: the system behind has ended its session, and the login begins another one.
#[tokio::test]
async fn the_password_once_more_begins_a_session_and_ends_the_one_before() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let before = world.kept();
    world.gateway.stack.legacy().forget_sessions();
    let Err(Error::PasswordNeeded { acr_values }) = orders(&app).await else { panic!("nobody asks for the password") };
    assert_eq!(acr_values, "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport");
    step(app.login(&[("username", ADA.name), ("password", "wrong")]).await);
    assert_eq!(world.kept(), before, "a wrong password ends nothing");
    assert!(matches!(orders(&app).await, Err(Error::PasswordNeeded { .. })), "the session goes on");
    let of_class = [&typed(ADA)[..], &[("acr_values", acr_values.as_str())]].concat();
    app.login(&of_class).await.expect("a login");
    works(&app).await;
    let sid = |kept: &Kept| kept.refresh_token.split('.').next().map(str::to_owned);
    assert_ne!(sid(&world.kept()), sid(&before));
    assert_eq!(world.gateway.try_refresh(DEMO_APP, &before.refresh_token).await.status, 400);
}

#[tokio::test]
async fn no_secret_of_a_login_is_printed() {
    let world = World::new().await;
    let app = world.app();
    step(app.login(&typed(ADA)[..1]).await);
    assert!(!format!("{app:?}").contains("mga_"));
}
