//! Writes gateway.yaml as the functions read it: with the address of the demo back end, and permission for plain HTTP to it.
//! The documents that it names stand beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use gateway_config::Gateway;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::start::read;
use super::{DEMO_BACK_END, StartError};
use crate::data_directory::DataDirectory;
use crate::private;

/// Checks the configuration and writes it to the data directory, with the address of the demo back end, which listens at
/// `services`. Beyond loopback, plain HTTP to it needs permission.
pub(super) fn write(
    path: &Path,
    (legacy_url, services): (&str, IpAddr),
    directory: &DataDirectory,
) -> Result<(PathBuf, Gateway), StartError> {
    let text = read(path)?;
    let invalid = |path: &Path, reason: String| StartError::Config { path: path.to_owned(), reason };
    let checked = |path: &Path, text: &str| Gateway::parse(text).map_err(|error| invalid(path, error.to_string()));
    checked(path, &text)?;
    let text = if services.is_loopback() {
        text
    } else {
        permitting(&text).map_err(|error| invalid(path, error.to_string()))?
    };
    let text = text.replace(DEMO_BACK_END, legacy_url);
    let written = directory.file("gateway.yaml");
    // The path is absolute, since the functions may have another working directory.
    let written = std::path::absolute(&written).map_err(|source| StartError::File { path: written, source })?;
    private::write(&written, &text).map_err(|source| StartError::File { path: written.clone(), source })?;
    let gateway = checked(&written, &text)?;
    for name in gateway.offered_apis().filter_map(|(_, _, offer)| Some(offer.documentation.as_ref()?.as_str())) {
        // As in AWS, an API whose document is missing is shown without it, which the portal function tells in its log.
        if let Ok(document) = std::fs::read_to_string(path.parent().unwrap_or(Path::new(".")).join(name)) {
            let copy = directory.file(name);
            private::write(&copy, &document).map_err(|source| StartError::File { path: copy.clone(), source })?;
        }
    }
    Ok((written, gateway))
}

/// Adds `allow_plain_http` to every API and connector that leads to the demo back end, and to no other. Nothing else of the
/// text changes: YAML could read another spelling as another value.
fn permitting(text: &str) -> Result<String, serde_saphyr::Error> {
    let Sections { apis, connectors } = serde_saphyr::from_str(text)?;
    let entries = apis.iter().chain(connectors.iter()).flat_map(BTreeMap::values);
    // An entry that is repeated by aliases stands in the text once, so places are a set.
    let places: BTreeSet<usize> = entries.filter_map(|entry| entry.place(text)).collect();
    let mut text = text.to_owned();
    for place in places.into_iter().rev() {
        let line = text.get(..place).and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
        let indent = line.chars().count();
        // In a block each field has its own line; within braces, fields are separated by commas.
        let rest = if line.trim().is_empty() { format!("\n{}", " ".repeat(indent)) } else { ", ".to_owned() };
        text.insert_str(place, &format!("allow_plain_http: true{rest}"));
    }
    Ok(text)
}

/// The sections in which plain HTTP can be permitted.
#[derive(serde::Deserialize)]
struct Sections {
    apis: Option<BTreeMap<String, Entry>>,
    connectors: Option<BTreeMap<String, Entry>>,
}

/// An API or a connector: its fields with their places, and whether any of them leads to the demo back end.
struct Entry {
    fields: Vec<Spanned<String>>,
    leads_to_demo: bool,
}

impl Entry {
    /// The byte before which the permission is inserted: that of the second field, since the first one of a connector is its
    /// type.
    fn place(&self, text: &str) -> Option<usize> {
        let permitted = self.fields.iter().any(|field| field.value == "allow_plain_http");
        let place = usize::try_from(self.fields.get(1)?.defined.span().byte_offset()?).ok()?;
        (self.leads_to_demo && !permitted && place < text.len()).then_some(place)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Entry;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut entry = Entry { fields: Vec::new(), leads_to_demo: false };
        while let Some((field, value)) = map.next_entry::<Spanned<String>, Value>()? {
            entry.leads_to_demo |= leads_to_demo(&value);
            entry.fields.push(field);
        }
        Ok(entry)
    }
}

fn leads_to_demo(value: &Value) -> bool {
    match value {
        Value::String(text) => {
            text.strip_prefix(DEMO_BACK_END).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        }
        Value::Array(items) => items.iter().any(leads_to_demo),
        Value::Object(fields) => fields.values().any(leads_to_demo),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPOSED: &str = "http://10.88.0.1:4001";

    fn written(text: &str) -> Result<String, StartError> {
        let directory = DataDirectory::open(None).unwrap();
        let file = directory.file("mine.yaml");
        std::fs::write(&file, text).unwrap();
        let (path, _) = write(&file, (EXPOSED, IpAddr::from([192, 0, 2, 1])), &directory)?;
        Ok(std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn the_demo_runs_with_its_back_end_beyond_loopback() {
        let demo = include_str!("../../demo.yaml");
        let text = written(demo).unwrap();
        let gateway = Gateway::parse(&text).unwrap();
        assert!(gateway.apis().all(|(_, api)| api.allow_plain_http && api.back_end.to_string() == EXPOSED));
        assert_eq!(text.matches("allow_plain_http").count(), 5, "{text}");
    }

    #[test]
    fn on_loopback_nothing_is_permitted() {
        let directory = DataDirectory::open(None).unwrap();
        let file = directory.file("mine.yaml");
        std::fs::write(&file, include_str!("../../demo.yaml")).unwrap();
        let (path, _) = write(&file, ("http://127.0.0.1:4001", IpAddr::from([127, 0, 0, 1])), &directory).unwrap();
        assert!(!std::fs::read_to_string(path).unwrap().contains("allow_plain_http"));
    }

    /// A configuration with two APIs: one leads to the demo back end, the other to `back_end`.
    fn api(back_end: &str) -> String {
        format!(
            "plans: {{ p: {{ calls: 1, window: 1m }} }}\napis:\n  a: {{ back_end: {DEMO_BACK_END}, \
             routes: [{{ path: /a, methods: {{ GET: [s] }} }}] }}\n  b:\n    routes: # of b\n      - path: /b\n        \
             methods: {{ GET: [s] }}\n    back_end: {back_end}\n"
        )
    }

    #[test]
    fn only_what_leads_to_the_demo_back_end_is_permitted() {
        let gateway = Gateway::parse(&written(&api("https://orders.example.com")).unwrap()).unwrap();
        let permitted = gateway.apis().map(|(name, api)| (name.as_str(), api.allow_plain_http));
        assert_eq!(permitted.collect::<Vec<_>>(), [("a", true), ("b", false)]);
        let refused = written(&api("http://orders.example.com")).unwrap_err().to_string();
        assert!(refused.contains("apis.b.back_end") && refused.contains("mine.yaml"), "{refused}");
    }

    /// Only lines are added, so no other value is spelled or read differently.
    #[test]
    fn nothing_but_the_permission_is_added() {
        let demo = include_str!("../../demo.yaml").replace("plans:", "audience: 010 # not 10\nplans:");
        let text = written(&demo).unwrap();
        let gateway = Gateway::parse(&text).unwrap();
        let of_stage = std::collections::BTreeMap::from([("issuer".to_owned(), "https://a.example.com".to_owned())]);
        assert_eq!(gateway.token_parties(&of_stage).unwrap().audience(), "010");
        let rest: Vec<_> = text.lines().filter(|line| line.trim() != "allow_plain_http: true").collect();
        assert_eq!(rest.join("\n").replace(EXPOSED, DEMO_BACK_END), demo.trim_end());
    }
}
