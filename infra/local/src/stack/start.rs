//! The steps of a start. Those that find a mistake soonest come first.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_credential_types::Credentials;
use bytes::Bytes;
use dynoxide::Database;
use gateway_config::Gateway;
use gateway_runtime::{Aws, Environment};
use gateway_store::{Store, Tables};
use tokio::net::TcpListener;

use super::file::StackFile;
use super::{Options, Parts, StartError, gateway_yaml};
use crate::access::{Access, Named};
use crate::api_gateway::ApiGateway;
use crate::binaries::BuildError;
use crate::data_directory::DataDirectory;
use crate::demo_app::DemoApp;
use crate::functions::Functions;
use crate::lambda::Lambda;
use crate::legacy::Legacy;
use crate::log::Log;
use crate::process::{CannotStart, Program};
use crate::secrets::{Secrets, SecretsError};
use crate::secrets_manager::SecretsManager;
use crate::seed::{Seed, SeedError};
use crate::ses::Outbox;
use crate::streams::Reader;
use crate::template::{Inputs, REGION, Template};
use crate::{credentials, dynamodb, ready, schedules, secrets, ses, streams};

/// The file in the data directory to which the output of the functions is written.
pub(super) const LOG_FILE: &str = "functions.log";

pub(super) async fn start(
    options: Options,
    binaries: impl Future<Output = Result<BTreeMap<String, PathBuf>, BuildError>>,
) -> Result<Parts, StartError> {
    let directory = DataDirectory::open(options.data.as_deref())?;
    let (listener, base_url) = listen(options.listen).await?;
    let (legacy_listener, legacy_url) = listen_free(options.services).await?;
    let (dynamodb_listener, dynamodb_url) = listen_free(options.services).await?;
    let (secrets_listener, secrets_url) = listen_free(options.services).await?;
    let (lambda_listener, lambda_url) = listen_free(options.services).await?;
    let (mail_listeners, ses_url, outbox_url) = listen_for_mail(options.services).await?;

    let (config, gateway) = gateway_yaml::write(&options.config, (&legacy_url, options.services), &directory)?;
    let further = options.secrets.as_deref().map_or_else(|| Ok(Secrets::new()), secrets::in_directory)?;
    let named = permitted(&gateway, &further);
    let inputs = [
        ("Issuer", base_url.as_str()),
        ("ApiKind", options.api.parameter()),
        ("LogLevel", &options.log_level),
        ("DynamoDbEndpoint", &dynamodb_url),
        ("SecretsManagerEndpoint", &secrets_url),
        ("LambdaEndpoint", &lambda_url),
        ("SesEndpoint", &ses_url),
    ];
    let inputs = inputs.into_iter().chain(ses::PARAMETERS);
    let inputs = inputs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let inputs = inputs.chain(of_configuration(&gateway, &named));
    let parameters = inputs.chain(options.parameters.iter().cloned()).collect();
    let template = read_template(&options.template, &Inputs { parameters, table_prefix: String::new() })?;
    let seed = Seed::load(&options.seed)?;

    // What fails with `damaged` fails because of data that an earlier start left.
    let damaged = |problem: String| match &options.data {
        Some(directory) => StartError::Damaged { problem, directory: directory.clone() },
        None => StartError::Aborted(problem),
    };
    let kept = directory.kept("secrets.json");
    let secrets = secrets::open(kept.as_deref(), &template.secrets, &seed.without_secret());
    let mut secrets = secrets.map_err(|error| {
        if matches!(error, SecretsError::Unreadable { .. }) { damaged(error.to_string()) } else { error.into() }
    })?;
    secrets.extend(further);
    let database = dynamodb::open(directory.kept("dynamodb.sqlite").as_deref());
    let database = database.map_err(|error| damaged(error.to_string()))?;
    dynamodb::create_tables(&database, &template.tables).map_err(|error| damaged(error.to_string()))?;
    let owner = credentials::of_owner().map_err(SeedError::Entropy)?;
    let access = Access::of(&template, &named, owner.clone()).map_err(SeedError::Entropy)?;
    let partition_keys = dynamodb::partition_keys(&template.tables);
    tokio::spawn(dynamodb::serve_guarded(dynamodb_listener, database.clone(), access.clone(), partition_keys));
    let rotating: Vec<_> = template.rotations.iter().map(|rotation| rotation.secret.clone()).collect();
    let secrets_manager = SecretsManager::new(&secrets, kept, &rotating);
    tokio::spawn(secrets_manager.clone().serve(secrets_listener, access.clone()));
    let users = seed.users.iter().map(|user| (user.email.clone(), user.password.clone()));
    let legacy = Legacy::trusting(users, options.record);
    tokio::spawn(legacy.clone().serve(legacy_listener));
    let pepper = secrets.get("Pepper").map(String::as_str).unwrap_or_default();
    seed.store(&store(&dynamodb_url, &owner)?, &secrets, pepper).await.map_err(|error| damaged(error.to_string()))?;

    // No function has started yet, so nothing that one writes is missed.
    let readers = streams::open(&database, &template.streams)?;
    let log_path = directory.file(LOG_FILE);
    let log = Log::to_file(&log_path).map_err(|source| StartError::File { path: log_path, source })?;
    let programs = programs((&template, &access), &binaries.await?, &config, &options)?;
    let functions =
        Functions::new(programs, options.most_processes, options.start_timeout, &log).sampled(options.sampled);
    functions.warm_up().await?;
    let retries = template.functions.iter().map(|function| (function.id.clone(), function.retries)).collect();
    let lambda = Lambda::new(functions.clone(), access.clone(), retries, log.clone());
    tokio::spawn(lambda.clone().serve(lambda_listener));
    let outbox = serve_mail(mail_listeners, &access, &lambda, &template);
    let gateway = ApiGateway::new(Arc::new(template.clone()), functions.clone(), log.clone());
    let gateway = gateway.paced(options.pace.clone()).logged(&lambda);
    tokio::spawn(gateway.serve(listener));
    ready::check(&base_url, &template, &log).await?;
    run_schedules(&template, &options, lambda);
    run_streams(database, readers, &functions, &log);
    let demo_url = serve_demo_app(&base_url).await?;
    let urls = (base_url.as_str(), dynamodb_url.as_str(), secrets_url.as_str(), lambda_url.as_str());
    let file = StackFile::write(&directory.file(""), urls, &owner, &template, &config)?;

    Ok(Parts {
        base_url,
        dynamodb_url,
        secrets_url,
        lambda_url,
        legacy_url,
        demo_url,
        ses_url,
        outbox_url,
        template,
        seed,
        secrets,
        secrets_manager,
        legacy,
        outbox,
        functions,
        owner,
        access,
        log,
        _file: file,
        directory,
    })
}

fn run_schedules(template: &Template, options: &Options, lambda: Lambda) {
    let invoke = move |function: &str, event| lambda.queue(function, event);
    tokio::spawn(schedules::run(template.schedules.clone(), options.schedule_period, invoke));
}

fn run_streams(database: Database, readers: Vec<Reader>, functions: &Functions, log: &Log) {
    let functions = functions.clone();
    let invoke = move |function: &str, event: Bytes| {
        let (functions, function) = (functions.clone(), function.to_owned());
        async move { functions.invoke(&function, event).await.map(drop).map_err(|error| error.to_string()) }
    };
    tokio::spawn(streams::run(database, readers, log.clone(), invoke));
}

/// Serves the demo app, and returns its address. Its redirect URI is one of this machine, wherever the services listen.
async fn serve_demo_app(base_url: &str) -> Result<String, StartError> {
    let (listener, url) = listen_free(Ipv4Addr::LOCALHOST.into()).await?;
    tokio::spawn(DemoApp::new(&url, base_url).serve(listener));
    Ok(url)
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, String), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    Ok((listener, url))
}

async fn listen_free(address: IpAddr) -> Result<(TcpListener, String), StartError> {
    let failed = |source| StartError::Services { address, source };
    if address.is_unspecified() {
        // `0.0.0.0` is not an address that a client can call.
        return Err(failed(std::io::ErrorKind::AddrNotAvailable.into()));
    }
    let listener = TcpListener::bind(SocketAddr::new(address, 0)).await.map_err(failed)?;
    let url = format!("http://{}", listener.local_addr().map_err(failed)?);
    Ok((listener, url))
}

/// Listens for SES and for the page of its outbox. Returns the addresses of both.
async fn listen_for_mail(address: IpAddr) -> Result<((TcpListener, TcpListener), String, String), StartError> {
    let (ses, ses_url) = listen_free(address).await?;
    let (outbox, outbox_url) = listen_free(address).await?;
    Ok(((ses, outbox), ses_url, format!("{outbox_url}/outbox")))
}

fn serve_mail(
    (ses, page): (TcpListener, TcpListener),
    access: &Access,
    lambda: &Lambda,
    template: &Template,
) -> Outbox {
    let (outbox, lambda, subscriptions) = (Outbox::default(), lambda.clone(), template.subscriptions.clone());
    let told = move |event: Bytes| {
        for subscription in &subscriptions {
            lambda.queue(&subscription.function, event.clone());
        }
    };
    tokio::spawn(ses::serve(ses, outbox.clone(), access.clone(), told));
    tokio::spawn(outbox.clone().serve(page));
    outbox
}

pub(super) fn read(path: &Path) -> Result<String, StartError> {
    std::fs::read_to_string(path).map_err(|source| StartError::File { path: path.to_owned(), source })
}

fn read_template(path: &Path, inputs: &Inputs) -> Result<Template, StartError> {
    Template::read(&read(path)?, inputs).map_err(|source| StartError::Template { path: path.to_owned(), source })
}

fn store(dynamodb_url: &str, owner: &Credentials) -> Result<Store, StartError> {
    let pairs = [("AWS_REGION", REGION), ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_url)];
    let pairs = pairs.into_iter().chain(credentials::variables(owner));
    let environment = Environment::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let aws = Aws::new(&environment).map_err(|error| StartError::Seed(SeedError::Entropy(error)))?;
    Ok(Store::new(aws.dynamodb(), Tables::prefixed("")))
}

fn programs(
    (template, access): (&Template, &Access),
    binaries: &BTreeMap<String, PathBuf>,
    config: &Path,
    options: &Options,
) -> Result<Vec<Program>, StartError> {
    let mut programs = Vec::new();
    for function in &template.functions {
        let mut function = function.clone();
        let Some(path) = binaries.get(&function.binary) else { return Err(StartError::NoBinary(function.id)) };
        if !path.exists() {
            let problem = format!("is not at {}", path.display());
            return Err(CannotStart { name: function.binary, problem, lines: Vec::new() }.into());
        }
        if let Some(variable) = function.environment.get_mut("GATEWAY_CONFIG") {
            // In AWS, a layer brings this file.
            *variable = config.to_string_lossy().into_owned();
        }
        // Applications that are written against the local stack run on the same machine.
        if function.id == "OutboxFunction" {
            function.environment.insert("LOOPBACK_APPS".to_owned(), "permitted".to_owned());
        }
        for (name, value) in &options.environment {
            function.environment.insert(name.clone(), value.clone());
        }
        let credentials = access.of_function(&function.id).cloned();
        programs.push(Program { function, path: path.clone(), credentials });
    }
    Ok(programs)
}

/// The parameters that follow from gateway.yaml, as a deployer has to give them.
fn of_configuration(gateway: &Gateway, named: &Named) -> Vec<(String, String)> {
    let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
    let parameters = [
        ("BackEndSecretArns", list(&named.back_ends)),
        ("ConnectorSecretArns", list(&named.connectors)),
        ("HookSecretArns", list(&named.hooks)),
        ("EventSecretArns", list(&named.events)),
        ("Events", switch(gateway.tells_events())),
        ("UserDirectory", switch(gateway.directory().is_some())),
        ("CorsOrigin", gateway.cors().map(|cors| cors.for_gateway_responses().to_owned()).unwrap_or_default()),
        // Calls are counted from the log of requests.
        ("AccessLogs", switch(true)),
    ];
    parameters.map(|(name, value)| (name.to_owned(), value)).into()
}

/// In AWS the deployer permits secrets. Here those that gateway.yaml names are permitted, each for its use there.
fn permitted(gateway: &Gateway, further: &Secrets) -> Named {
    let permit = |secrets: Vec<(String, &str)>| {
        let all = secrets.into_iter().map(|(_, name)| name.to_owned());
        all.filter(|name| further.contains_key(name)).collect()
    };
    Named {
        back_ends: permit(gateway.tls_secrets().collect()),
        connectors: permit(gateway.connector_secrets().chain(gateway.issuer_secrets()).collect()),
        hooks: permit(gateway.hook_secrets().collect()),
        events: permit(gateway.event_secrets().collect()),
    }
}
