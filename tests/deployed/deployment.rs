//! A deployment: what its stack says of itself, the demo's apps and users put into it, and the demo back end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::OnceLock;

use gateway_local::binaries::WORKSPACE;
use gateway_local::legacy::Legacy;
use gateway_local::secrets;
use gateway_local::seed::{Seed, SeedUser};
use gateway_runtime::{Aws, Environment, Secrets};
use gateway_store::{Store, Tables};
use support::{Client, User, background};
use tokio::net::TcpListener;

/// Users that the journeys have; each has the same password.
const NAMES: [&str; 9] = ["orders", "echo", "body", "refresh", "four", "limit", "revoke", "refusals", "open"];
const PASSWORD: &str = "a password of nobody else";

/// A deployed gateway, ready for calls.
pub(crate) struct Deployment {
    url: String,
    partner_secret: String,
}

impl Deployment {
    /// Runs a journey with a user of this name.
    pub(crate) fn run(name: &str, journey: impl AsyncFnOnce(&Client, User)) {
        let deployment = Self::the();
        let email = format!("{name}@example.com");
        let user = User { name: Box::leak(email.into_boxed_str()), password: PASSWORD };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // A client of its own: a pooled connection dies with the runtime that opened it.
        let client = Client::new(&deployment.url);
        runtime.block_on(journey(&client, user));
    }

    /// The secret of `partner-app`.
    pub(crate) fn partner_secret() -> &'static str {
        &Self::the().partner_secret
    }

    /// The one deployment of this process.
    fn the() -> &'static Self {
        static THE: OnceLock<Deployment> = OnceLock::new();
        let set_up = || {
            let environment = Environment::from_process();
            let url = environment.get("GATEWAY_URL").expect("GATEWAY_URL, as at the build of the tests").to_owned();
            let (sender, receiver) = std::sync::mpsc::channel();
            background().spawn(async move {
                let _ = sender.send(set_up(&environment, &url).await);
            });
            receiver.recv().expect("a deployment that can be filled")
        };
        THE.get_or_init(set_up)
    }
}

async fn set_up(environment: &Environment, url: &str) -> Deployment {
    let needed = |name| environment.require(name, "see .ci/deploy").unwrap_or_else(|error| panic!("{error}"));
    let outputs = outputs(needed("GATEWAY_OUTPUTS"));
    let output = |name: &str| outputs.get(name).unwrap_or_else(|| panic!("the stack has no output {name}")).clone();

    let mut seed = Seed::load(&PathBuf::from(WORKSPACE).join("infra/local/seed.yaml")).expect("the demo's seed");
    let user = |name: &&str| SeedUser {
        email: format!("{name}@example.com"),
        password: PASSWORD.to_owned(),
        links: BTreeMap::new(),
    };
    seed.users = NAMES.iter().map(user).collect();
    let secrets = secrets::open(None, &[], &seed.without_secret()).expect("new secrets");
    let tables = Tables::named(|id| Ok::<_, Infallible>(output(&format!("{id}Name")))).expect("all tables");
    let aws = Aws::new(environment).expect("clients");
    // The keys function made it when the stack was made.
    let pepper = Secrets::new(&aws).text(&output("PepperArn")).await.expect("a pepper");
    let store = Store::new(aws.dynamodb(), tables);
    seed.store(&store, &secrets, pepper.expose()).await.expect("a filled store");

    let listener = TcpListener::bind(needed("GATEWAY_BACK_END")).await.expect("the port of the demo back end");
    let users = seed.users.iter().map(|user| (user.email.clone(), user.password.clone()));
    tokio::spawn(Legacy::new(users, false).serve(listener));
    let partner_secret = seed.client_secret("partner-app", &secrets).expect("a secret").to_owned();
    Deployment { url: url.to_owned(), partner_secret }
}

/// The outputs of the stack, as `sam list stack-outputs --output json` prints them.
fn outputs(path: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let list: serde_json::Value = serde_json::from_str(&text).expect("a list of outputs");
    let text = |output: &serde_json::Value, name: &str| output[name].as_str().unwrap_or_default().to_owned();
    let list = list.as_array().expect("a list of outputs").iter();
    list.map(|output| (text(output, "OutputKey"), text(output, "OutputValue"))).collect()
}
