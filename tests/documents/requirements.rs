//! `docs/requirements.md` and the tests name each other: every id in a comment is a row, and every status is true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::repository::{files, text};

const PAGE: &str = "docs/requirements.md";

/// `T-24` is a requirement: a capital letter and two digits. `E9` is an abuse case: one of A to O and a number.
fn is_id(word: &str) -> bool {
    let mut chars = word.chars();
    let Some(letter) = chars.next().filter(char::is_ascii_uppercase) else { return false };
    let rest = chars.as_str();
    let digits = |text: &str| !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    match rest.strip_prefix('-') {
        Some(number) => number.len() == 2 && digits(number),
        None => ('A'..='O').contains(&letter) && digits(rest) && !rest.starts_with('0'),
    }
}

/// The ids in a line of prose. `Q-01 to Q-08` names all eight. What is quoted, or part of a longer word as in `P-256`, is
/// none.
fn ids(line: &str) -> Vec<String> {
    let words = line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '(' | ')'));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).map(|word| word.trim_end_matches('.')).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate().filter(|(_, word)| is_id(word)) {
        found.push((*word).to_owned());
        let ["to", last] = words[at + 1..].get(..2).unwrap_or_default() else { continue };
        let number = |id: &str| id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().unwrap();
        let kind = word.trim_end_matches(|c: char| c.is_ascii_digit());
        if is_id(last) && last.trim_end_matches(|c: char| c.is_ascii_digit()) == kind {
            let between = number(word) + 1..number(last);
            let named = |n| if kind.ends_with('-') { format!("{kind}{n:02}") } else { format!("{kind}{n}") };
            found.extend(between.map(named));
        }
    }
    found
}

/// The ids that comments of a Rust file name, each with its line and whether what the comment stands above is a test.
fn citations(source: &str) -> Vec<(String, usize, bool)> {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let above_a_test = |from: usize| {
        let mut below = lines[from..].iter().skip_while(|line| line.starts_with("//"));
        below.by_ref().take_while(|line| line.starts_with("#[")).any(|line| {
            let attribute = line.trim_start_matches("#[");
            attribute.starts_with("test]") || attribute.starts_with("tokio::test")
        })
    };
    let comments = lines.iter().enumerate().filter(|(_, line)| line.starts_with("//"));
    comments
        .flat_map(|(at, line)| {
            ids(line.trim_start_matches(['/', '!'])).into_iter().map(move |id| (id, at + 1, above_a_test(at)))
        })
        .collect()
}

/// A row: its id, and its cells.
type Rows = BTreeMap<String, Vec<String>>;

/// The rows of tables that begin with an id, and what is wrong with them as a list.
fn rows(page: &str) -> (Rows, Vec<String>) {
    let (mut rows, mut problems) = (Rows::new(), Vec::new());
    let (mut cells, mut cell) = (Vec::new(), String::new());
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::TableRow) => cells = Vec::new(),
            Event::Start(Tag::TableCell) => cell = String::new(),
            Event::Text(part) | Event::Code(part) => cell.push_str(&part),
            Event::Start(Tag::Link { .. }) => cell.push('['),
            Event::End(TagEnd::TableCell) => cells.push(std::mem::take(&mut cell)),
            Event::End(TagEnd::TableRow) if cells.len() == 4 => {
                let id = cells.remove(0);
                if !is_id(&id) {
                    problems.push(format!("{id:?} is no id: write T-24 for a requirement, E9 for an abuse case"));
                }
                if cells.iter().any(|cell| cell.trim().is_empty()) {
                    problems.push(format!("{id} has an empty cell"));
                }
                if rows.insert(id.clone(), std::mem::take(&mut cells)).is_some() {
                    problems.push(format!("{id} is there twice"));
                }
            }
            _ => {}
        }
    }
    (rows, problems)
}

/// What is wrong with the status of a row, if `tests` name its id.
fn wrong_status(id: &str, status: &str, tested: bool) -> Option<String> {
    let word = status.split(':').next().unwrap_or_default().trim();
    let wrong = |text: &str| Some(format!("{id}: {text}"));
    match (word, tested) {
        ("tested", false) => wrong("no test names it; a comment above a test does, as `/// Checklist T-24.`"),
        ("tested", true) => None,
        ("not tested" | "not built" | "documented" | "deviates", true) => {
            wrong("a test names it: its status is `tested`, with what else is to be said after a colon")
        }
        ("documented" | "deviates", false) if !status.contains('[') => wrong("link to where that stands"),
        ("not tested" | "not built" | "documented" | "deviates", false) => None,
        _ => wrong(&format!("{word:?} is no status of the table above the lists")),
    }
}

#[test]
fn every_id_that_a_comment_names_is_a_row_and_every_status_is_true() {
    let (rows, mut problems) = rows(&text(Path::new(PAGE)));
    let mut tested = BTreeSet::new();
    for file in files("rs").iter().filter(|file| !file.ends_with("documents/requirements.rs")) {
        for (id, line, by_a_test) in citations(&text(file)) {
            if !rows.contains_key(&id) {
                problems.push(format!("{}:{line} names {id}, which is no row", file.display()));
            }
            if by_a_test {
                tested.insert(id);
            }
        }
    }
    let status = |(id, cells): (&String, &Vec<String>)| wrong_status(id, &cells[2], tested.contains(id));
    problems.extend(rows.iter().filter_map(status));
    assert!(problems.is_empty(), "{PAGE} and the tests differ:\n{}", problems.join("\n"));
    assert!(rows.len() > 300 && tested.len() > 200, "{} rows, {} tested", rows.len(), tested.len());
}

/// Pages may name ids too.
#[test]
fn every_requirement_that_a_page_names_is_a_row() {
    let (rows, _) = rows(&text(Path::new(PAGE)));
    for file in files("md").iter().filter(|file| !file.ends_with("requirements.md")) {
        for id in ids(&text(file)).iter().filter(|id| id.contains('-')) {
            assert!(rows.contains_key(id), "{} names {id}, which is no row of {PAGE}", file.display());
        }
    }
}

#[test]
fn ids_are_told_from_what_looks_like_them() {
    let line =
        "Checklist T-24, Q-01 to Q-03; abuse cases E9, B1 to B3. Not P-256, SHA-256, S256, UTF-8, P1, E01, `K1`.";
    assert_eq!(ids(line), ["T-24", "Q-01", "Q-02", "Q-03", "E9", "B1", "B2", "B3"]);
    assert_eq!(ids("Checklist M-03 (declared), A-04: done."), ["M-03", "A-04"]);
    let source = "/// Checklist T-01.\nfn helper() {}\n\n// More T-02:\n/// T-03\n#[cfg(x)]\n#[tokio::test]\nasync fn a() {}\n\
                  let x = \"T-04\";\n/// T-05\n#[test]\n";
    let expected = [("T-01", 1, false), ("T-02", 4, true), ("T-03", 5, true), ("T-05", 10, true)];
    assert_eq!(citations(source), expected.map(|(id, line, test)| (id.to_owned(), line, test)));
}

#[test]
fn a_list_that_lies_is_found() {
    let page = "| id | source | statement | status |\n|---|---|---|---|\n| T-1 | x | y | tested |\n| E9 | x | | tested |\n\
                | E9 | x | z | tested |\n";
    let (rows, problems) = rows(page);
    assert_eq!(rows.len(), 2);
    assert_eq!(problems.len(), 3, "{problems:?}");
    for (status, tested) in [
        ("tested", false),
        ("not built", true),
        ("documented: here", false),
        ("deviates: [there", true),
        ("shown", true),
        ("", false),
    ] {
        assert!(wrong_status("T-24", status, tested).is_some(), "{status} {tested}");
    }
    for (status, tested) in
        [("tested", true), ("tested: but", true), ("documented: [here", false), ("not built", false)]
    {
        assert_eq!(wrong_status("T-24", status, tested), None, "{status}");
    }
}
