//! Every relative link in a Markdown file leads to a file and a heading that are there.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::repository::{files, root, text};

/// The anchors that GitHub gives to the headings of a Markdown text: lower case, without punctuation, with a hyphen for
/// each space, and a number behind a repetition.
fn anchors(text: &str) -> Vec<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let mut anchors = Vec::new();
    let mut heading = None::<String>;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
                let heading = heading.take().unwrap().to_lowercase();
                let anchor: String = heading.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect();
                let before = seen.entry(anchor.clone()).or_default();
                anchors.push(if *before == 0 { anchor } else { format!("{anchor}-{before}") });
                *before += 1;
            }
            _ => {}
        }
    }
    anchors
}

/// Where the links and images of a text lead, but for those into the web.
fn relative_links(text: &str) -> Vec<String> {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES);
    let links = events.filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    });
    links.filter(|link| !["https:", "http:", "mailto:"].iter().any(|scheme| link.starts_with(scheme))).collect()
}

/// `a/b/../c` as `a/c`; nothing if it leaves the repository.
fn within(path: &Path) -> Option<PathBuf> {
    let mut within = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => within.push(name),
            Component::ParentDir if within.pop() => {}
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(within)
}

/// What is wrong with a link of this file, if anything is.
fn problem(file: &Path, link: &str) -> Option<String> {
    let (path, fragment) = link.split_once('#').map_or((link, None), |(path, fragment)| (path, Some(fragment)));
    let target = if path.is_empty() { file.to_owned() } else { within(&file.with_file_name(path))? };
    if !root().join(&target).exists() {
        return Some(format!("{}: there is no {}", file.display(), target.display()));
    }
    let fragment = fragment?;
    if target.extension().is_none_or(|ending| ending != "md") {
        return Some(format!("{}: {link} names a heading of something without headings", file.display()));
    }
    let known = anchors(&text(&target));
    let missing = !known.iter().any(|anchor| anchor == fragment);
    missing.then(|| format!("{}: {} has no heading #{fragment}; it has {known:?}", file.display(), target.display()))
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut checked = 0;
    let mut problems = Vec::new();
    for file in files("md") {
        for link in relative_links(&text(&file)) {
            checked += 1;
            let outside = link.split('#').next().is_some_and(|path| within(&file.with_file_name(path)).is_none());
            if outside {
                problems.push(format!("{}: {link} leads out of the repository", file.display()));
            }
            problems.extend(problem(&file, &link));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(checked > 40, "only {checked} links were found");
}

/// Backquoted paths are links for people. Words in capitals stand for a name of the reader's.
#[test]
fn every_path_of_this_repository_that_a_page_names_is_there() {
    let folders = ["docs/", "events/", "functions/", "infra/", "shared/", "tests/", ".ci/"];
    let mut problems = Vec::new();
    for file in files("md") {
        let text = text(&file);
        for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
            let Event::Code(code) = event else { continue };
            let path = code.trim_end_matches('/');
            let a_path = folders.iter().any(|folder| code.starts_with(folder))
                && !code.contains(|c: char| c.is_whitespace() || "*{…<".contains(c))
                && !path.split(['/', '.']).any(|part| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase()));
            if a_path && !root().join(path).exists() {
                problems.push(format!("{}: there is no {path}", file.display()));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn what_leads_nowhere_is_found() {
    let page = Path::new("docs/security.md");
    assert_eq!(problem(page, "#keys"), None);
    assert_eq!(problem(page, "decisions/0007-preflights-are-the-gateways.md"), None);
    assert_eq!(problem(page, "../README.md#two-commands"), None);
    for wrong in ["#no-such-heading", "no-such-file.md", "../README.md#no-such-heading", "../Cargo.toml#ours", "docs"] {
        assert!(problem(page, wrong).is_some(), "{wrong}");
    }
    assert_eq!(within(Path::new("docs/../../elsewhere")), None);
    let text = "see [a](b.md), ![c](d.png) and [e]\n\n| [f](g.md#h) |\n|---|\n\n[e]: i.md\n\n`[no](link)` <https://x>";
    assert_eq!(relative_links(text), ["b.md", "d.png", "i.md", "g.md#h"]);
    assert_eq!(anchors("# A `b_c` – D.e\n## Twice\n## Twice"), ["a-b_c--de", "twice", "twice-1"]);
}
