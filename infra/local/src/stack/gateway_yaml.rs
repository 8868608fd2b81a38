//! gateway.yaml as the functions read it: with the address of the demo back end, and permission to reach it there.

use std::path::{Path, PathBuf};

use config::Gateway;
use granit_parser::{Event, Marker, Parser, StructureStyle};

use super::start::read;
use super::{DEMO_BACK_END, StartError};
use crate::data_directory::DataDirectory;

/// Accepts unencrypted calls of one API or connector.
const PERMIT: &str = "allow_plain_http";

/// The configuration with the address of the demo back end in it, checked, in the data directory; and the template's
/// `CorsOrigin` that goes with it. `exposed` tells that this address is not on loopback.
pub(super) fn write(
    path: &Path,
    (legacy_url, exposed): (&str, bool),
    directory: &DataDirectory,
) -> Result<(PathBuf, String), StartError> {
    let text = read(path)?;
    let checked = |path: &Path, text: &str| {
        Gateway::parse(text).map_err(|error| StartError::Config { path: path.to_owned(), reason: error.to_string() })
    };
    let gateway = checked(path, &text)?;
    let text = if exposed { permitting(&text) } else { text };
    let text = text.replace(DEMO_BACK_END, legacy_url);
    let written = directory.file("gateway.yaml");
    // Functions are told an absolute path: they need not share our working directory.
    let written = std::path::absolute(&written).map_err(|source| StartError::File { path: written, source })?;
    std::fs::write(&written, &text).map_err(|source| StartError::File { path: written.clone(), source })?;
    checked(&written, &text)?;
    let cors_origin = gateway.cors().map(|cors| cors.for_gateway_responses().to_owned()).unwrap_or_default();
    Ok((written, cors_origin))
}

/// The text with `allow_plain_http: true` in every API and connector that leads to the demo back end, and in no other.
fn permitting(text: &str) -> String {
    let mut permits = Permits::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(Ok((event, span))) = parser.next_event() {
        permits.note(&event, span.start);
    }
    let mut permitted = text.to_owned();
    for (place, permit) in permits.found.iter().rev() {
        permitted.insert_str(*place, permit);
    }
    permitted
}

/// What is found on a walk through a text.
#[derive(Default)]
struct Permits {
    /// Mappings and lists around the place reached: the file, its section, the API or connector, and so on.
    open: Vec<Open>,
    /// Byte offsets, and what to insert there; in the order of the text.
    found: Vec<(usize, String)>,
}

/// A mapping or a list that has begun.
#[derive(Default)]
struct Open {
    kind: Kind,
    /// Key of the value that comes or has begun.
    key: String,
    awaits_value: bool,
    keys: usize,
    /// Where its second key begins: a connector's first one is its type.
    second_key: Option<Marker>,
    leads_to_demo: bool,
    permits: bool,
}

/// How it is written.
#[derive(Default, PartialEq, Eq)]
enum Kind {
    #[default]
    List,
    /// A mapping in several lines.
    Block,
    /// A mapping in braces.
    Flow,
}

impl Permits {
    fn note(&mut self, event: &Event<'_>, at: Marker) {
        if let Event::Scalar(text, ..) = event {
            self.node(at, text);
        } else if event.is_alias() {
            self.node(at, "");
        } else if let Event::MappingStart(style, ..) = event {
            self.node(at, "");
            let kind = if *style == StructureStyle::Flow { Kind::Flow } else { Kind::Block };
            self.open.push(Open { kind, ..Open::default() });
        } else if let Event::SequenceStart(..) = event {
            self.node(at, "");
            self.open.push(Open::default());
        } else if matches!(event, Event::MappingEnd | Event::SequenceEnd) {
            self.close();
        }
    }

    fn node(&mut self, at: Marker, text: &str) {
        let Some(around) = self.open.last_mut().filter(|around| around.kind != Kind::List) else { return };
        around.awaits_value = !around.awaits_value;
        if around.awaits_value {
            text.clone_into(&mut around.key);
            around.keys += 1;
            if around.keys == 2 {
                around.second_key = Some(at);
            }
            around.permits |= text == PERMIT;
        } else if (around.key == "back_end" || around.key.ends_with("url"))
            && text.strip_prefix(DEMO_BACK_END).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            && let Some(entry) = self.open.get_mut(2)
        {
            entry.leads_to_demo = true;
        }
    }

    fn close(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        let [file, _] = self.open.as_slice() else { return };
        if !matches!(file.key.as_str(), "apis" | "connectors") || !closed.leads_to_demo || closed.permits {
            return;
        }
        let Some((at, place)) = closed.second_key.and_then(|at| Some((at, at.byte_offset()?))) else { return };
        let end = if closed.kind == Kind::Flow { ", ".to_owned() } else { format!("\n{}", " ".repeat(at.col())) };
        self.found.push((place, format!("{PERMIT}: true{end}")));
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
        assert_eq!(text.matches(PERMIT).count(), 4, "{text}");
    }

    #[test]
    fn on_loopback_nothing_is_permitted() {
        let directory = DataDirectory::open(None).unwrap();
        let file = directory.file("mine.yaml");
        std::fs::write(&file, include_str!("../../demo.yaml")).unwrap();
        let (path, _) = write(&file, ("http://127.0.0.1:4001", false), &directory).unwrap();
        assert!(!std::fs::read_to_string(path).unwrap().contains(PERMIT));
    }

    /// Two APIs: `a` in one line, at the demo back end, and `b` in several, at the one given.
    fn two_apis(back_end: &str) -> String {
        format!(
            "plans: {{ p: {{ calls: 1, window: 1m }} }}\napis:\n  a: {{ back_end: {DEMO_BACK_END}, \
             routes: [{{ path: /a, methods: {{ GET: [s] }} }}] }}\n  b:\n    routes: # of b\n      - path: /b\n        \
             methods: {{ GET: [s] }}\n    back_end: {back_end}\n"
        )
    }

    #[test]
    fn only_what_leads_to_the_demo_back_end_is_permitted() {
        let text = written(&two_apis("https://orders.example.com")).unwrap();
        assert!(text.contains(&format!("a: {{ back_end: {EXPOSED}, allow_plain_http: true, routes")), "{text}");
        assert_eq!(text.matches(PERMIT).count(), 1, "{text}");
    }

    #[test]
    fn what_permits_itself_stays_as_it_is() {
        let text = written(&two_apis(&format!("{DEMO_BACK_END}\n    {PERMIT}: true"))).unwrap();
        assert_eq!(text.matches(PERMIT).count(), 2, "{text}");
    }

    #[test]
    fn a_system_of_ones_own_is_not_permitted_in_passing() {
        let message = written(&two_apis("http://127.0.0.2:3001")).unwrap();
        assert_eq!(message.matches(PERMIT).count(), 1, "{message}");
        let refused = written(&two_apis("http://orders.example.com")).unwrap_err().to_string();
        assert!(refused.contains("apis.b.back_end") && refused.contains("mine.yaml"), "{refused}");
    }
}
