//! A real DynamoDB with the tables of the template, fresh for each test.

use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_local::binaries::WORKSPACE;
use gateway_local::template::{Inputs, Table, Template};
use gateway_runtime::{Aws, Environment, SystemEntropy};
use gateway_store::{Store, Tables};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// The variable with the address of another DynamoDB to test against, such as Amazon's DynamoDB Local.
const ENDPOINT: &str = "DYNAMODB_TEST_ENDPOINT";

/// The database of one test, which has its own tables.
pub struct DynamoDb {
    /// Its address.
    pub endpoint: String,
    /// Its tables.
    pub tables: Tables,
    /// An SDK client for it.
    pub client: Client,
    /// The store on these tables.
    pub store: Store,
    server: Option<JoinHandle<()>>,
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

/// A fresh database: embedded and in memory, or the one at `DYNAMODB_TEST_ENDPOINT`.
pub async fn dynamodb() -> DynamoDb {
    let (endpoint, server) = match Environment::from_process().get(ENDPOINT) {
        Some(endpoint) => (endpoint.to_owned(), None),
        None => embedded().await,
    };
    let prefix = format!("t{}-", URL_SAFE_NO_PAD.encode(SystemEntropy.bytes::<9>().expect("random bytes")));
    // The tests are about the outcome of races. A cold server on a busy machine may take longer than a function would wait.
    let patient = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(60)).build();
    let client = Client::from_conf(dynamodb_client(&endpoint).config().to_builder().timeout_config(patient).build());
    for table in tables() {
        create(&client, &Table { name: format!("{prefix}{}", table.name), ..table.clone() }).await;
    }
    let tables = Tables::prefixed(&prefix);
    let store = Store::new(client.clone(), tables.clone());
    DynamoDb { endpoint, tables, client, store, server }
}

/// A client for a DynamoDB at this address that does not check credentials.
pub fn dynamodb_client(endpoint: &str) -> Client {
    client_of(endpoint, [("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
}

/// A client for a DynamoDB at this address, with these credentials.
pub(crate) fn client_of<'c>(endpoint: &str, credentials: impl IntoIterator<Item = (&'c str, &'c str)>) -> Client {
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let pairs = [("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL_DYNAMODB", endpoint)].map(owned);
    let environment = Environment::from_pairs(pairs.into_iter().chain(credentials.into_iter().map(owned)));
    Aws::patient(&environment).expect("clients for a loopback address").dynamodb()
}

/// The tables of the template, without a prefix. They are read once: that takes longer than many a test.
fn tables() -> &'static [Table] {
    static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
        let text = std::fs::read_to_string(format!("{WORKSPACE}/template.yaml")).expect("template.yaml");
        Template::read(&text, &Inputs::default()).expect("a valid template").tables
    });
    &TABLES
}

/// The runtime of the servers of all tests in this process. It outlives the runtime of each test.
pub fn background() -> &'static Runtime {
    static BACKGROUND: OnceLock<Runtime> = OnceLock::new();
    BACKGROUND.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("a runtime")
    })
}

async fn embedded() -> (String, Option<JoinHandle<()>>) {
    let started = background().spawn(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let database = gateway_local::dynamodb::open(None).expect("a database in memory");
        (endpoint, tokio::spawn(gateway_local::dynamodb::serve_everybody(listener, database)))
    });
    let (endpoint, server) = started.await.expect("an embedded DynamoDB");
    (endpoint, Some(server))
}

async fn create(client: &Client, table: &Table) {
    let mut request = client.create_table().table_name(&table.name).billing_mode(BillingMode::PayPerRequest);
    for (name, key_type, attribute_type) in &table.key {
        let element = KeySchemaElement::builder().attribute_name(name).key_type(KeyType::from(key_type.as_str()));
        let attribute_type = ScalarAttributeType::from(attribute_type.as_str());
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(attribute_type);
        request = request.key_schema(element.build().expect("a key"));
        request = request.attribute_definitions(attribute.build().expect("an attribute"));
    }
    request.send().await.unwrap_or_else(|error| panic!("{}: {error:?}", table.name));
    if let Some(ttl) = &table.ttl {
        let specification = TimeToLiveSpecification::builder().attribute_name(ttl).enabled(true).build();
        let request = client.update_time_to_live().table_name(&table.name);
        let request = request.time_to_live_specification(specification.expect("a specification"));
        request.send().await.unwrap_or_else(|error| panic!("{}: {error:?}", table.name));
    }
}

#[cfg(test)]
mod tests {
    use gateway_domain::ids::ClientId;

    use super::*;

    #[tokio::test]
    async fn each_test_has_tables_of_its_own() {
        let (one, other) = (dynamodb().await, dynamodb().await);
        assert_ne!(one.tables.apps, other.tables.apps);
        let id = ClientId::parse("nobody").unwrap();
        assert_eq!(one.store.apps.get(&id).await.unwrap(), None);
        assert_eq!(other.store.apps.get(&id).await.unwrap(), None);
    }
}
