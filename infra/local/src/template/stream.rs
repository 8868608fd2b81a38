//! Reads which streams of tables invoke functions.
//!
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-dynamodb.html>

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::Value;

use super::TemplateError;
use super::cursor::At;
use super::pattern::Pattern;
use super::resolve::{Scope, table_of_stream};

/// A stream that invokes a function with what is written to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSource {
    /// Name of the table.
    pub table: String,
    /// Logical id of the function.
    pub function: String,
    /// Most records of one invocation.
    pub batch: usize,
    /// The function gets the records that one of these matches, or all if there is none.
    pub filters: Vec<Pattern>,
    /// How often a batch that failed is repeated; `None` is for ever.
    pub retries: Option<u32>,
}

impl StreamSource {
    /// Whether the function gets this record.
    pub fn takes(&self, record: &Value) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| filter.matches(record))
    }
}

/// Most records of one invocation, if the template names no other number.
const BATCH: usize = 100;

/// Numbers that matter only in AWS, with their ranges: a batch is invoked as soon as it is read here, one at a time, and no
/// record becomes that old.
const ONLY_IN_AWS: [(&str, RangeInclusive<i32>); 3] = [
    ("MaximumBatchingWindowInSeconds", 0..=300),
    ("MaximumRecordAgeInSeconds", -1..=604_800),
    ("ParallelizationFactor", 1..=10),
];

/// Reads an event of the type `DynamoDB`; `None` if it is disabled. Both starting positions are the end of the stream, since
/// what was written before a start of the stack is not delivered.
pub(super) fn read(function: &str, properties: &At, scope: &Scope) -> Result<Option<StreamSource>, TemplateError> {
    let fields = properties.fields(&[
        "Stream",
        "StartingPosition",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "MaximumRetryAttempts",
        "MaximumRecordAgeInSeconds",
        "BisectBatchOnFunctionError",
        "ParallelizationFactor",
        "Enabled",
        "FilterCriteria",
    ])?;
    let stream = fields.required("Stream")?;
    let Some(table) = table_of_stream(stream.text()?) else {
        return Err(stream.error("must be !GetAtt Table.StreamArn"));
    };
    fields.required("StartingPosition")?.one_of(&["TRIM_HORIZON", "LATEST"])?;
    for (name, range) in ONLY_IN_AWS {
        if let Some(at) = fields.get(name) {
            within(&at, &range)?;
        }
    }
    if let Some(at) = fields.get("BisectBatchOnFunctionError") {
        at.one_of(&["true", "false"])?;
    }
    let mut filters = Vec::new();
    if let Some(criteria) = fields.get("FilterCriteria") {
        for filter in criteria.fields(&["Filters"])?.required("Filters")?.items()? {
            let pattern = filter.fields(&["Pattern"])?.required("Pattern")?;
            filters.push(Pattern::read(pattern.text()?).map_err(|reason| pattern.error(&reason))?);
        }
    }
    let retries = fields.get("MaximumRetryAttempts").map(|at| within(&at, &(-1..=10_000))).transpose()?;
    let source = StreamSource {
        table: scope.table_name(table),
        function: function.to_owned(),
        batch: fields.get("BatchSize").map_or(Ok(BATCH), |at| within(&at, &(1..=10_000)))?,
        filters,
        // -1 is for ever, as is no number.
        retries: retries.and_then(|retries: i32| u32::try_from(retries).ok()),
    };
    let enabled = fields.get("Enabled");
    let enabled = enabled.as_ref().map(|at| at.one_of(&["true", "false"])).transpose()?;
    Ok((enabled != Some("false")).then_some(source))
}

fn within<T: FromStr + PartialOrd + Display>(at: &At, range: &RangeInclusive<T>) -> Result<T, TemplateError> {
    let number = at.number()?;
    if !range.contains(&number) {
        return Err(at.error(&format!("must be {} to {}", range.start(), range.end())));
    }
    Ok(number)
}
