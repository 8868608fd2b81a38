//! Crashes: the app ends between any two steps of a refresh, starts again, and nobody has to log in.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_client::{Client, Error, FileStorage, Kept, Patience, Storage};
use reqwest::Method;
use support::DEMO_APP;

use crate::world::{LIFETIME, World, works};

/// Storage of a device whose app ends at its nth save: before it is done, or just after.
#[derive(Clone)]
struct Crashing {
    file: FileStorage,
    saves_left: Arc<AtomicUsize>,
    after_saving: bool,
}

impl Storage for Crashing {
    fn load(&self) -> io::Result<Option<Kept>> {
        self.file.load()
    }

    fn save(&self, kept: &Kept) -> io::Result<()> {
        let left = self.saves_left.fetch_sub(1, Ordering::SeqCst);
        if left > 1 || self.after_saving {
            self.file.save(kept)?;
        }
        if left > 1 { Ok(()) } else { Err(io::Error::other("the app has ended")) }
    }

    fn clear(&self) -> io::Result<()> {
        self.file.clear()
    }
}

#[tokio::test]
async fn an_app_that_ends_between_any_two_steps_goes_on_where_it_was() {
    for save in 1..=2 {
        for after_saving in [false, true] {
            let world = World::new().await;
            drop(world.logged_in().await);
            let first = world.generation();
            world.clock.forward(LIFETIME);

            let storage =
                Crashing { file: world.storage(), saves_left: Arc::new(AtomicUsize::new(save)), after_saving };
            let url = &world.network.url;
            let crashing = Client::new(url, DEMO_APP, storage, world.clock.clone(), Patience::default());
            let outcome = crashing.expect("a client").call(Method::GET, "/orders", None).await;
            assert!(matches!(outcome, Err(Error::Storage(_))), "{save} {after_saving}: {outcome:?}");

            // The device may be off for a week: the attempt id has no end.
            world.clock.forward(LIFETIME * 1_000);
            works(&world.app()).await;
            let more = u64::from(save == 2 && after_saving);
            assert_eq!(world.generation(), first + 1 + more, "{save} {after_saving}");
            works(&world.app()).await;
        }
    }
}

#[tokio::test]
async fn an_app_that_starts_again_needs_no_password() {
    let world = World::new().await;
    drop(world.logged_in().await);
    let app = world.app();
    assert!(app.is_logged_in().expect("a file"));
    works(&app).await;
    let text = std::fs::read_to_string(world.storage_path()).expect("a file");
    assert!(!text.contains("eyJ0eXAiOi"), "no access token is kept");
    assert!(!format!("{app:?}").contains("mgr_"), "no token is printed");
}
