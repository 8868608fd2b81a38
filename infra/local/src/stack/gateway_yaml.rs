//! gateway.yaml as the functions read it: with the address of the demo back end, and permission to reach it there.

use std::path::{Path, PathBuf};

use config::Gateway;
use serde_json::{Map, Value, json};

use super::start::read;
use super::{DEMO_BACK_END, StartError};
use crate::data_directory::DataDirectory;
use crate::private;

/// The configuration with the address of the demo back end in it, checked, in the data directory. `exposed` tells that
/// this address is not on loopback.
pub(super) fn write(
    path: &Path,
    (legacy_url, exposed): (&str, bool),
    directory: &DataDirectory,
) -> Result<(PathBuf, Gateway), StartError> {
    let text = read(path)?;
    let invalid = |path: &Path, reason: String| StartError::Config { path: path.to_owned(), reason };
    let checked = |path: &Path, text: &str| Gateway::parse(text).map_err(|error| invalid(path, error.to_string()));
    checked(path, &text)?;
    let text = if exposed { permitting(&text).map_err(|error| invalid(path, error.to_string()))? } else { text };
    let text = text.replace(DEMO_BACK_END, legacy_url);
    let written = directory.file("gateway.yaml");
    // Functions are told an absolute path: they need not share our working directory.
    let written = std::path::absolute(&written).map_err(|source| StartError::File { path: written, source })?;
    private::write(&written, &text).map_err(|source| StartError::File { path: written.clone(), source })?;
    let gateway = checked(&written, &text)?;
    Ok((written, gateway))
}

/// The same configuration, as JSON, with `allow_plain_http` in every API and connector that leads to the demo back end,
/// and in no other.
fn permitting(text: &str) -> Result<String, serde_saphyr::Error> {
    let mut file: Map<String, Value> = serde_saphyr::from_str(text)?;
    for section in ["apis", "connectors"] {
        let entries = file.get_mut(section).and_then(Value::as_object_mut);
        for entry in entries.into_iter().flat_map(|entries| entries.values_mut()) {
            if leads_to_demo(entry)
                && let Some(fields) = entry.as_object_mut()
            {
                fields.insert("allow_plain_http".to_owned(), true.into());
            }
        }
    }
    let connectors = file.remove("connectors").unwrap_or_else(|| json!({}));
    let connectors = connectors.as_object().into_iter().flatten().map(|(name, fields)| {
        // A connector's first field is its type.
        let mut rest = fields.as_object().cloned().unwrap_or_default();
        let first = Map::from_iter(rest.remove_entry("type"));
        let [first, rest] = [first, rest].map(|part| inside(&json!(part).to_string()));
        format!("{}:{{{first},{rest}}}", json!(name))
    });
    let connectors = connectors.collect::<Vec<_>>().join(",");
    Ok(format!("{{\"connectors\":{{{connectors}}},{}}}", inside(&json!(file).to_string())))
}

/// An object without its braces.
fn inside(object: &str) -> String {
    object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default().to_owned()
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
        let (path, _) = write(&file, (EXPOSED, true), &directory)?;
        Ok(std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn the_demo_runs_with_its_back_end_beyond_loopback() {
        let demo = include_str!("../../demo.yaml");
        let text = written(demo).unwrap();
        let gateway = Gateway::parse(&text).unwrap();
        assert!(gateway.apis().all(|(_, api)| api.allow_plain_http && api.back_end.to_string() == EXPOSED));
        assert_eq!(text.matches("allow_plain_http").count(), 4, "{text}");
    }

    #[test]
    fn on_loopback_nothing_is_permitted() {
        let directory = DataDirectory::open(None).unwrap();
        let file = directory.file("mine.yaml");
        std::fs::write(&file, include_str!("../../demo.yaml")).unwrap();
        let (path, _) = write(&file, ("http://127.0.0.1:4001", false), &directory).unwrap();
        assert!(!std::fs::read_to_string(path).unwrap().contains("allow_plain_http"));
    }

    /// `NAME` may be anything that an API can have besides.
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
}
