//! Writes `stack.json` in the data directory, by which tools find a running local stack and the credentials of its owner.
//! The file exists while the stack runs, and only the user who runs it can read it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_credential_types::Credentials;
use serde_json::json;

use super::StartError;
use crate::private;
use crate::template::{REGION, Template};

/// Its name in the data directory.
const NAME: &str = "stack.json";

/// The file. It is deleted when dropped.
#[derive(Debug)]
pub(super) struct StackFile(PathBuf);

impl StackFile {
    /// Writes the addresses of a stack, the credentials of its owner and, as AWS lists them for a deployed stack, the name
    /// of each resource by its logical id.
    pub(super) fn write(
        directory: &Path,
        (base_url, dynamodb_url, secrets_url, lambda_url): (&str, &str, &str, &str),
        owner: &Credentials,
        template: &Template,
        config: &Path,
    ) -> Result<Self, StartError> {
        let path = directory.join(NAME);
        let tables = template.tables.iter().map(|table| &table.name);
        let functions = template.functions.iter().map(|function| &function.id);
        let resources: BTreeMap<_, _> = tables.chain(&template.secrets).chain(functions).map(|id| (id, id)).collect();
        let text = json!({
            "base_url": base_url,
            "region": REGION,
            "access_key_id": owner.access_key_id(),
            "secret_access_key": owner.secret_access_key(),
            "dynamodb_url": dynamodb_url,
            "secrets_url": secrets_url,
            "lambda_url": lambda_url,
            "resources": resources,
            "config": config,
        });
        private::write(&path, &text.to_string()).map_err(|source| StartError::File { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for StackFile {
    fn drop(&mut self) {
        // An error is ignored: if the file stays, its reader finds that nothing listens at these addresses.
        let _ = std::fs::remove_file(&self.0);
    }
}
