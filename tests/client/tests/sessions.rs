//! The end of a session, as the user sees it.

use gateway_client::Error;
use support::{ADA, DEMO_APP};

use crate::network::Fault;
use crate::world::{LIFETIME, World, orders, typed, works};

#[tokio::test]
async fn a_session_revoked_elsewhere_means_log_in_again() {
    let world = World::new().await;
    let app = world.logged_in().await;
    works(&app).await;
    let kept = world.kept();
    let form = [("client_id", DEMO_APP), ("token", kept.refresh_token.as_str())];
    assert_eq!(world.gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)));
    assert_eq!(world.refreshes(), 1, "it tried once");
    assert!(!app.is_logged_in().expect("a file"));
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)));
    assert_eq!(world.refreshes(), 1, "and then no more");
}

#[tokio::test]
async fn logging_out_ends_the_session_at_the_gateway() {
    let world = World::new().await;
    let app = world.logged_in().await;
    let kept = world.kept();
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
    let token = world.kept().refresh_token;
    world.network.fail("/oauth2/revoke", vec![Fault::LoseRequest; 3]);
    assert!(matches!(app.logout().await, Err(Error::NoResponse)));
    assert!(matches!(orders(&app).await, Err(Error::LoginAgain)), "on this device it is over");
    assert!(matches!(orders(&world.app()).await, Err(Error::LoginAgain)), "after a restart as well");
    let restarted = world.app();
    restarted.logout().await.expect("a logout");
    assert_eq!(world.gateway.try_refresh(DEMO_APP, &token).await.status, 400);
    world.clock.forward(LIFETIME);
    restarted.login(&typed(ADA)).await.expect("a login");
    works(&restarted).await;
}
