//! Reads records of DynamoDB streams.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>

use crate::Failure;
use gateway_domain::time::Timestamp;
use gateway_store::ITEM_VERSION;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Of one length, so that sequence numbers, which are numbers of up to 40 digits, have the order of texts.
const DIGITS: usize = 40;

/// An item before or after a change, in DynamoDB's JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Image(Map<String, Value>);

impl Image {
    /// An attribute of any type.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The names of its attributes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// An attribute that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.get("S")?.as_str()
    }

    /// An attribute that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.get("N")?.as_str()?.parse().ok()
    }

    /// An attribute that is true or false; `None` if it is not there.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.get("BOOL")?.as_bool()
    }

    /// A map at the end of this path of maps.
    pub(crate) fn map(&self, path: &[&str]) -> Option<&Map<String, Value>> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.get(first)?.get("M")?.as_object()?, |map, name| map.get(*name)?.get("M")?.as_object())
    }
}

/// A change of an item.
#[derive(Debug)]
pub(crate) struct Change {
    /// The id of the record: the same however often it comes.
    pub(crate) id: String,
    /// The name of the table.
    pub(crate) table: String,
    /// Its place among all changes of the item.
    pub(crate) order: String,
    /// About when it was made.
    pub(crate) at: Timestamp,
    /// The item before, if there was one.
    pub(crate) old: Option<Image>,
    /// The item after, if there is one.
    pub(crate) new: Option<Image>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(rename = "eventID")]
    event_id: String,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: String,
    dynamodb: Written,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    approximate_creation_date_time: f64,
    sequence_number: String,
    old_image: Option<Image>,
    new_image: Option<Image>,
}

impl Change {
    /// Reads a record; `None` if it is of no known form. An item of a newer version waits for a newer function.
    pub(crate) fn read(record: &Value) -> Result<Option<Self>, Failure> {
        let Ok(Record { event_id, event_source_arn, dynamodb }) = Record::deserialize(record) else { return Ok(None) };
        let Written { approximate_creation_date_time, sequence_number, old_image, new_image } = dynamodb;
        for image in [&old_image, &new_image].into_iter().flatten() {
            let version = image.number("v").and_then(|version| u32::try_from(version).ok()).unwrap_or_default();
            if version > ITEM_VERSION {
                return Err(Failure::Newer(version));
            }
        }
        let table = event_source_arn.split_once(":table/").and_then(|(_, rest)| rest.split('/').next());
        let is_number = !sequence_number.is_empty() && sequence_number.bytes().all(|byte| byte.is_ascii_digit());
        let (Some(table), true) = (table, is_number && sequence_number.len() <= DIGITS) else { return Ok(None) };
        #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
        let at = Timestamp::from_secs(approximate_creation_date_time as i64);
        let order = format!("{sequence_number:0>DIGITS$}");
        Ok(Some(Self { id: event_id, table: table.to_owned(), order, at, old: old_image, new: new_image }))
    }
}
