//! Keys turn again and again while apps log in, call and refresh: nobody notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use support::{ADA, BOB, Gateway, Tokens, User};
use tokio::task::JoinSet;

use crate::turns::rotate;

/// Rotations of every secret.
const TURNS: usize = 4;
const SECRETS: [&str; 6] = ["SigningKeys", "IdTokenKeys", "SealingKeys", "LetterKeys", "RefreshKeys", "Pepper"];

#[derive(Default)]
struct Figures {
    logins: AtomicUsize,
    calls: AtomicUsize,
    refreshes: AtomicUsize,
}

/// An app on one device: one session from before the first turn to after the last.
async fn device(gateway: Arc<Gateway>, figures: Arc<Figures>, done: Arc<AtomicBool>, user: User) -> Result<(), String> {
    let mut tokens = gateway.login(user).await;
    let call = async |tokens: &Tokens| {
        let response = gateway.call("GET", "/orders", &tokens.access).await;
        figures.calls.fetch_add(1, Ordering::Relaxed);
        if response.status == 200 { Ok(()) } else { Err(format!("call: {} {}", response.status, response.text())) }
    };
    while !done.load(Ordering::Relaxed) {
        for _ in 0..5 {
            call(&tokens).await?;
        }
        let response = gateway.try_refresh(support::DEMO_APP, &tokens.refresh).await;
        figures.refreshes.fetch_add(1, Ordering::Relaxed);
        if response.status != 200 {
            return Err(format!("refresh: {} {}", response.status, response.text()));
        }
        // The token from before the refresh is as good as the one after it.
        let old = std::mem::replace(&mut tokens, response.tokens());
        call(&old).await?;
    }
    call(&tokens).await
}

/// Somebody who logs in anew all the time.
async fn newcomer(gateway: Arc<Gateway>, figures: Arc<Figures>, done: Arc<AtomicBool>) -> Result<(), String> {
    while !done.load(Ordering::Relaxed) {
        let response = gateway.try_login(support::DEMO_APP, BOB.name, BOB.password).await;
        figures.logins.fetch_add(1, Ordering::Relaxed);
        if response.status != 200 {
            return Err(format!("login: {} {}", response.status, response.text()));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_turn_under_load_without_a_lost_call_or_session() {
    let files = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start_with(|options| {
        support::configure(options, files.path(), |config| config.replace("calls: 60", "calls: 1000000"));
        options.environment.push(("KEY_CACHE_SECONDS".to_owned(), "2".to_owned()));
        options.record = false;
    })
    .await;
    let (gateway, figures, done) = (Arc::new(gateway), Arc::<Figures>::default(), Arc::<AtomicBool>::default());
    let mut devices = JoinSet::new();
    for user in [ADA, ADA, ADA] {
        devices.spawn(device(Arc::clone(&gateway), Arc::clone(&figures), Arc::clone(&done), user));
    }
    devices.spawn(newcomer(Arc::clone(&gateway), Arc::clone(&figures), Arc::clone(&done)));
    let mut refused = 0;
    for _ in 0..TURNS {
        for name in SECRETS {
            refused += rotate(&gateway, name).await;
            assert!(devices.try_join_next().is_none_or(|ended| ended.expect("a task") == Ok(())));
        }
    }
    done.store(true, Ordering::Relaxed);
    let failures: Vec<_> = devices.join_all().await.into_iter().filter_map(Result::err).collect();
    let figure = |figure: &AtomicUsize| figure.load(Ordering::Relaxed);
    println!(
        "{} rotations ({refused} refused as too early): {} logins, {} calls, {} refreshes, {} failures",
        TURNS * SECRETS.len(),
        figure(&figures.logins),
        figure(&figures.calls),
        figure(&figures.refreshes),
        failures.len(),
    );
    assert_eq!(failures, Vec::<String>::new());
    assert!(figure(&figures.calls) > 100 && figure(&figures.refreshes) > 10 && figure(&figures.logins) > 0);
}
