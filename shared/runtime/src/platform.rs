//! Makes what every function starts with: environment, clock, entropy, AWS clients and secrets.

use crate::{Aws, CorrectedClock, Environment, Fresh, Secrets, StartError, SystemClock, SystemEntropy};
use aws_sdk_dynamodb::Client;
use gateway_domain::clock::Clock;
use gateway_domain::entropy::Entropy;
use std::fmt::Display;
use std::sync::{Arc, OnceLock};

/// What a function is built from.
pub struct Platform {
    /// Its environment variables.
    pub environment: Environment,
    /// The machine's clock, corrected by the `Date` of responses from AWS.
    pub clock: Arc<dyn Clock>,
    /// The operating system's source of randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Clients of AWS.
    pub aws: Aws,
    /// Reads secrets.
    pub secrets: Secrets,
    /// One client for all tables, made at the first table: not every function has one.
    dynamodb: OnceLock<Client>,
}

impl Platform {
    /// The platform in this environment. It sends no request yet.
    pub fn new(environment: Environment) -> Result<Self, StartError> {
        let clock = CorrectedClock::new(Arc::new(SystemClock));
        let aws = Aws::dated(&environment, &clock)?;
        let secrets = Secrets::new(&aws);
        let entropy = Arc::new(SystemEntropy);
        Ok(Self { environment, clock, entropy, aws, secrets, dynamodb: OnceLock::new() })
    }

    /// The table whose name is in this variable.
    pub fn table<T>(&self, variable: &'static str, new: impl FnOnce(Client, String) -> T) -> Result<T, StartError> {
        let name = self.environment.require(variable, "the name of a table")?;
        Ok(new(self.dynamodb.get_or_init(|| self.aws.dynamodb()).clone(), name.to_owned()))
    }

    /// The keys in the secret whose name or ARN is in this variable.
    pub async fn keys<T, E: Display>(
        &self,
        variable: &'static str,
        parse: impl Fn(&str) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Fresh<T>, StartError> {
        Fresh::read(&self.secrets, &self.environment, variable, &self.clock, parse).await
    }
}
