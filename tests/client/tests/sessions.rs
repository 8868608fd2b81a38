//! The beginning and the end of a session, as the user sees them.

use std::time::Duration;

use gateway_client::Error;
use support::{ADA, BOB, DEMO_APP};

use crate::network::{Fault, response};
use crate::world::{LIFETIME, World, orders, works};

#[tokio::test]
async fn a_wrong_password_is_told_from_a_gateway_that_does_not_answer() {
    let world = World::new().await;
    let app = world.app();
    assert!(matches!(app.login(ADA.name, "wrong").await, Err(Error::WrongPassword)));
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)));
    world.network.fail("grant_type=password", [response("503 Service Unavailable", "Retry-After: 5\r\n", "{}")]);
    assert!(matches!(app.login(ADA.name, ADA.password).await, Err(Error::TryLater(wait)) if wait.as_secs() == 5));
    world.network.fail("grant_type=password", [Fault::LoseResponse]);
    assert!(matches!(app.login(ADA.name, ADA.password).await, Err(Error::NoResponse)));
    assert!(!app.is_logged_in().expect("a file"));
    app.login(ADA.name, ADA.password).await.expect("a login");
    works(&app).await;
}

#[tokio::test]
async fn a_session_revoked_elsewhere_means_log_in_again() {
    let world = World::new().await;
    let app = world.logged_in().await;
    works(&app).await;
    let kept = gateway_client::Storage::load(&world.storage()).expect("a file").expect("a session");
    let form = [("client_id", DEMO_APP), ("token", kept.refresh_token.as_str())];
    assert_eq!(world.gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)));
    assert_eq!(world.refreshes(), 1, "it tried once");
    assert!(!app.is_logged_in().expect("a file"));
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)));
    assert_eq!(world.refreshes(), 1, "and then no more");
}

/// RFC 9470: the system behind has ended its session; the gateway's goes on with a new one behind it.
#[tokio::test]
async fn the_password_once_more_goes_on_with_the_session() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let sid = || {
        let kept = gateway_client::Storage::load(&world.storage()).expect("a file").expect("a session");
        kept.refresh_token.split('.').next().map(str::to_owned)
    };
    let before = sid();
    world.gateway.stack.legacy().forget_sessions();
    assert!(matches!(orders(&app).await, Err(Error::PasswordNeeded)));
    assert!(matches!(app.log_in_again(ADA.name, "wrong").await, Err(Error::WrongPassword)));
    assert!(matches!(app.log_in_again(BOB.name, BOB.password).await, Err(Error::WrongPassword)), "not hers");
    assert!(app.is_logged_in().expect("a file"));
    // An exchange whose response was lost is made good before.
    world.clock.forward(LIFETIME);
    world.network.fail("grant_type=refresh_token", [Fault::LoseResponse, Fault::LoseResponse, Fault::LoseResponse]);
    assert!(matches!(orders(&app).await, Err(Error::NoResponse)));
    world.clock.forward(Duration::from_secs(5));
    app.log_in_again(ADA.name, ADA.password).await.expect("a login");
    works(&app).await;
    assert_eq!(sid(), before);
}

#[tokio::test]
async fn logging_out_ends_the_session_at_the_gateway() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let kept = gateway_client::Storage::load(&world.storage()).expect("a file").expect("a session");
    app.logout().await.expect("a logout");
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)));
    assert_eq!(world.gateway.try_refresh(DEMO_APP, &kept.refresh_token).await.status, 400);
    app.logout().await.expect("nothing to do");
}

/// In a tunnel: the device forgets at once, the gateway is told when it can be.
#[tokio::test]
async fn a_logout_without_network_is_made_good_later() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let token = gateway_client::Storage::load(&world.storage()).expect("a file").expect("a session").refresh_token;
    world.network.fail("/oauth2/revoke", vec![Fault::LoseRequest; 3]);
    assert!(matches!(app.logout().await, Err(Error::NoResponse)));
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)), "on this device it is over");
    assert!(matches!(orders(&world.app()).await, Err(Error::LoginAgain)), "after a restart as well");
    let restarted = world.app();
    restarted.logout().await.expect("a logout");
    assert_eq!(world.gateway.try_refresh(DEMO_APP, &token).await.status, 400);
    world.clock.forward(LIFETIME);
    restarted.login(ADA.name, ADA.password).await.expect("a login");
    works(&restarted).await;
}
