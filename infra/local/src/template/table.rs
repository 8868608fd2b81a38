//! Reads `DynamoDB` tables.

use serde_json::{Value as Json, json};

use super::TemplateError;
use super::cursor::At;
use super::resolve::Scope;

/// One table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Attributes of its key, with key type (`HASH`, `RANGE`) and attribute type (`S`, `N`, `B`).
    pub key: Vec<(String, String, String)>,
    /// Attribute that says when an item expires.
    pub ttl: Option<String>,
    /// Whether it has a stream of what is written, with new and old images.
    pub stream: bool,
}

/// The only type of stream that the local stack knows.
const VIEW_TYPE: &str = "NEW_AND_OLD_IMAGES";

impl Table {
    /// Body of the `CreateTable` request.
    pub fn create_request(&self) -> Json {
        let schema: Vec<Json> =
            self.key.iter().map(|(name, kind, _)| json!({ "AttributeName": name, "KeyType": kind })).collect();
        let attributes: Vec<Json> =
            self.key.iter().map(|(name, _, kind)| json!({ "AttributeName": name, "AttributeType": kind })).collect();
        let mut request = json!({
            "TableName": self.name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": schema,
            "AttributeDefinitions": attributes,
        });
        if self.stream
            && let Some(fields) = request.as_object_mut()
        {
            fields.insert("StreamSpecification".to_owned(), stream_specification());
        }
        request
    }

    /// Body of the `UpdateTable` request that gives a stream to a table without one.
    pub fn stream_request(&self) -> Json {
        json!({ "TableName": self.name, "StreamSpecification": stream_specification() })
    }

    /// Body of the `UpdateTimeToLive` request, if items of this table expire.
    pub fn ttl_request(&self) -> Option<Json> {
        let attribute = self.ttl.as_ref()?;
        let specification = json!({ "AttributeName": attribute, "Enabled": true });
        Some(json!({ "TableName": self.name, "TimeToLiveSpecification": specification }))
    }
}

fn stream_specification() -> Json {
    json!({ "StreamEnabled": true, "StreamViewType": VIEW_TYPE })
}

pub(super) fn read(resource: &At, name: String, scope: &Scope) -> Result<Table, TemplateError> {
    let Some(properties) = resource.get("Properties") else { return Err(resource.error("needs `Properties`")) };
    let properties = scope.resolve(&properties)?;
    let fields = properties.fields(&[
        "BillingMode",
        "AttributeDefinitions",
        "KeySchema",
        "StreamSpecification",
        "TimeToLiveSpecification",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "DeletionProtectionEnabled",
        "Tags",
    ])?;
    let mut types = Vec::new();
    for item in fields.required("AttributeDefinitions")?.items()? {
        let item = item.fields(&["AttributeName", "AttributeType"])?;
        let kind = item.required("AttributeType")?;
        types.push((item.required("AttributeName")?.text()?.to_owned(), kind.one_of(&["S", "N", "B"])?.to_owned()));
    }
    let mut key = Vec::new();
    for at in fields.required("KeySchema")?.items()? {
        let item = at.fields(&["AttributeName", "KeyType"])?;
        let attribute = item.required("AttributeName")?.text()?.to_owned();
        let kind = item.required("KeyType")?.one_of(&["HASH", "RANGE"])?.to_owned();
        let Some((_, attribute_type)) = types.iter().find(|(name, _)| *name == attribute) else {
            return Err(at.error(&format!("`{attribute}` is not in AttributeDefinitions")));
        };
        key.push((attribute, kind, attribute_type.clone()));
    }
    let ttl = match fields.get("TimeToLiveSpecification") {
        Some(at) => {
            let ttl = at.fields(&["AttributeName", "Enabled"])?;
            let on = ttl.required("Enabled")?.one_of(&["true", "false"])? == "true";
            let attribute = ttl.required("AttributeName")?.text()?.to_owned();
            on.then_some(attribute)
        }
        None => None,
    };
    let stream = fields.get("StreamSpecification");
    if let Some(at) = &stream {
        at.fields(&["StreamViewType"])?.required("StreamViewType")?.one_of(&[VIEW_TYPE])?;
    }
    Ok(Table { name, key, ttl, stream: stream.is_some() })
}
