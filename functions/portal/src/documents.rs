//! The OpenAPI descriptions of offered APIs, read once when the function starts.

use gateway_config::{FileName, Gateway};
use gateway_domain::ids::ApiName;
use oas3::Spec;
use oas3::spec::{ObjectOrReference, Operation as SpecOperation, Parameter as SpecParameter, ParameterIn};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// The largest description, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// The most operations of one description that are shown.
const MAX_OPERATIONS: usize = 500;

/// The descriptions that could be read, by API.
#[derive(Debug, Default)]
pub struct Documents(BTreeMap<ApiName, Document>);

/// What a description says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) description: Option<String>,
    pub(crate) operations: Vec<Operation>,
}

/// One operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    /// The media types of its body.
    pub(crate) body: Vec<String>,
    /// Each status with what it means.
    pub(crate) responses: Vec<(String, String)>,
}

/// One parameter of an operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) place: &'static str,
    pub(crate) required: bool,
    pub(crate) description: Option<String>,
}

/// Why a description is not shown.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("it has more than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("it is no OpenAPI 3 document: {0}")]
    NoDocument(String),
}

impl Documents {
    /// Reads the files that offers name, which stand beside gateway.yaml. One that cannot be read is told in the log, and its API is
    /// shown without it.
    pub(crate) fn load(gateway: &Gateway, config: &Path) -> Self {
        let folder = config.parent().unwrap_or(Path::new("."));
        let named = gateway.offered_apis().filter_map(|(name, _, offer)| Some((name, offer.documentation.as_ref()?)));
        let read = |(name, file): (&ApiName, &FileName)| match read(&folder.join(file.as_str())) {
            Ok(document) => Some((name.clone(), document)),
            Err(error) => {
                tracing::error!(api = %name, file = file.as_str(), %error, "an API is shown without its documentation");
                None
            }
        };
        Self(named.filter_map(read).collect())
    }

    /// The description of an API.
    pub(crate) fn of(&self, api: &ApiName) -> Option<&Document> {
        self.0.get(api)
    }
}

fn read(path: &Path) -> Result<Document, Unreadable> {
    let mut text = String::new();
    let most = MAX_BYTES.saturating_add(1);
    let length = std::fs::File::open(path)?.take(most).read_to_string(&mut text)?;
    if u64::try_from(length).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(Unreadable::TooLarge);
    }
    parse(&text)
}

fn parse(text: &str) -> Result<Document, Unreadable> {
    let no_document = |error: &dyn std::fmt::Display| Unreadable::NoDocument(error.to_string());
    let spec: Spec = serde_saphyr::from_str(text).map_err(|error| no_document(&error))?;
    let operations =
        spec.operations().map(|(path, method, operation)| read_operation(&spec, path, method.to_string(), operation));
    let operations = operations.take(MAX_OPERATIONS).collect();
    Ok(Document { description: spec.info.description.clone().or_else(|| spec.info.summary.clone()), operations })
}

fn read_operation(spec: &Spec, path: String, method: String, operation: &SpecOperation) -> Operation {
    let of_path = spec.paths.iter().flatten().find(|(name, _)| **name == path).map(|(_, item)| &item.parameters);
    let parameters = of_path.into_iter().flatten().chain(&operation.parameters);
    let parameters = parameters.filter_map(|one| one.resolve(spec).ok()).map(|one: SpecParameter| Parameter {
        name: one.name,
        place: match one.location {
            ParameterIn::Path => "path",
            ParameterIn::Query => "query",
            ParameterIn::Header => "header",
            ParameterIn::Cookie => "cookie",
        },
        required: one.required.unwrap_or_default(),
        description: one.description,
    });
    let body = operation.request_body.as_ref().and_then(|body| body.resolve(spec).ok());
    let responses = operation.responses.iter().flatten().map(|(status, response)| {
        let resolved = ObjectOrReference::resolve(response, spec).ok();
        (status.clone(), resolved.and_then(|response| response.description).unwrap_or_default())
    });
    Operation {
        parameters: parameters.collect(),
        body: body.map(|body| body.content.keys().cloned().collect()).unwrap_or_default(),
        responses: responses.collect(),
        method,
        path,
        summary: operation.summary.clone(),
        description: operation.description.clone(),
    }
}
