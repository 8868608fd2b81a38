//! Deployments: what their stacks say of themselves, the demo's apps and users put into each, and the demo back end of all.

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
const NAMES: [&str; 11] =
    ["orders", "echo", "body", "refresh", "four", "limit", "revoke", "refusals", "open", "bytes", "bus"];
const PASSWORD: &str = "a password of nobody else";

/// The deployed gateways, ready for calls.
pub(crate) struct Deployments {
    urls: Vec<String>,
    stores: Vec<Store>,
    partner_secret: String,
}

impl Deployments {
    /// Runs a journey at each, with a user of this name.
    pub(crate) fn run(name: &str, journey: impl AsyncFn(&Client, User)) {
        let email = format!("{name}@example.com");
        let user = User { name: Box::leak(email.into_boxed_str()), password: PASSWORD };
        for url in &Self::all().urls {
            eprintln!("{name} at {url}");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            // A client of its own: a pooled connection dies with the runtime that opened it.
            let client = Client::new(url);
            runtime.block_on(journey(&client, user));
        }
    }

    /// The tables of the gateway that this client calls.
    pub(crate) fn store_of(client: &Client) -> &'static Store {
        let all = Self::all();
        let mut each = all.urls.iter().zip(&all.stores);
        each.find(|(url, _)| client.url("").trim_end_matches('/') == url.trim_end_matches('/')).expect("a gateway").1
    }

    /// The secret of `partner-app`.
    pub(crate) fn partner_secret() -> &'static str {
        &Self::all().partner_secret
    }

    /// Those of this process: one for each URL in `GATEWAY_URL`.
    fn all() -> &'static Self {
        static ALL: OnceLock<Deployments> = OnceLock::new();
        let set_up = || {
            let environment = Environment::from_process();
            let (sender, receiver) = std::sync::mpsc::channel();
            background().spawn(async move {
                let _ = sender.send(set_up(&environment).await);
            });
            receiver.recv().expect("deployments that can be filled")
        };
        ALL.get_or_init(set_up)
    }
}

async fn set_up(environment: &Environment) -> Deployments {
    let needed = |name| environment.require(name, "see .ci/deploy").unwrap_or_else(|error| panic!("{error}"));
    let list = |name| needed(name).split(' ').map(str::to_owned).collect::<Vec<_>>();
    let (urls, outputs) = (list("GATEWAY_URL"), list("GATEWAY_OUTPUTS"));
    assert_eq!(urls.len(), outputs.len(), "each URL has its outputs");

    let mut seed = Seed::load(&PathBuf::from(WORKSPACE).join("infra/local/seed.yaml")).expect("the demo's seed");
    let user = |name: &&str| SeedUser {
        email: format!("{name}@example.com"),
        password: PASSWORD.to_owned(),
        links: BTreeMap::new(),
    };
    seed.users = NAMES.iter().map(user).collect();
    let secrets = secrets::open(None, &[], &seed.without_secret()).expect("new secrets");
    let mut stores = Vec::new();
    for path in &outputs {
        stores.push(fill(environment, path, &seed, &secrets).await);
    }

    let listener = TcpListener::bind(needed("GATEWAY_BACK_END")).await.expect("the port of the demo back end");
    let users = seed.users.iter().map(|user| (user.email.clone(), user.password.clone()));
    tokio::spawn(Legacy::new(users, false).serve(listener));
    let partner_secret = seed.client_secret("partner-app", &secrets).expect("a secret").to_owned();
    Deployments { urls, stores, partner_secret }
}

/// Puts apps and users into the tables of the stack with these outputs.
async fn fill(environment: &Environment, path: &str, seed: &Seed, secrets: &BTreeMap<String, String>) -> Store {
    let outputs = outputs(path);
    let output = |name: &str| outputs.get(name).unwrap_or_else(|| panic!("the stack has no output {name}")).clone();
    let tables = Tables::named(|id| Ok::<_, Infallible>(output(&format!("{id}Name")))).expect("all tables");
    let aws = Aws::new(environment).expect("clients");
    // The keys function made it when the stack was made.
    let pepper = Secrets::new(&aws).text(&output("PepperArn")).await.expect("a pepper");
    let store = Store::new(aws.dynamodb(), tables);
    seed.store(&store, secrets, pepper.expose()).await.expect("a filled store");
    store
}

/// The outputs of the stack, as `sam list stack-outputs --output json` prints them.
fn outputs(path: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let list: serde_json::Value = serde_json::from_str(&text).expect("a list of outputs");
    let text = |output: &serde_json::Value, name: &str| output[name].as_str().unwrap_or_default().to_owned();
    let list = list.as_array().expect("a list of outputs").iter();
    list.map(|output| (text(output, "OutputKey"), text(output, "OutputValue"))).collect()
}
