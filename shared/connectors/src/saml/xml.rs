//! Handles XML of other systems: parses it within bounds, cuts out and adds elements byte for byte, and escapes text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use roxmltree::{Document, Node, ParsingOptions};
use zeroize::Zeroizing;

/// The most nodes of a document, such as elements, texts and comments.
const MAX_NODES: u32 = 300_000;
/// The most namespace declarations. An element can inherit all of those around it, so the work grows with their square.
const MAX_DECLARATIONS: usize = 4096;
/// The most attributes of an element. The parser compares each with all others.
const MAX_ATTRIBUTES: usize = 1024;

/// Parses a document. A DTD is refused, so a document cannot define entities.
pub(super) fn parse(text: &str) -> Option<Document<'_>> {
    let attributes = |tag: &str| tag.bytes().filter(|byte| *byte == b'=').count();
    let bounded = text.matches("xmlns").count() <= MAX_DECLARATIONS
        // An attribute value cannot contain `<`, so there is at most one tag between two of them.
        && text.split('<').all(|tag| attributes(tag) <= MAX_ATTRIBUTES);
    if !bounded || !is_utf8_by_its_own_words(text) {
        return None;
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// Whether the XML declaration, if there is one, names UTF-8, as which the text was read, or a subset. Another reader could
/// follow the declaration and read a different text.
fn is_utf8_by_its_own_words(text: &str) -> bool {
    let declaration = text.trim_start_matches('\u{feff}').strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let Some((declaration, _)) = declaration else { return true };
    let Some((_, value)) = declaration.split_once("encoding") else { return true };
    let value = value.trim_start().trim_start_matches('=').trim_start().trim_start_matches(['"', '\'']);
    let name = value.split(['"', '\'']).next().unwrap_or_default();
    name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii")
}

/// The child elements of this name.
pub(super) fn children<'a, 'i>(
    node: Node<'a, 'i>,
    namespace: &'a str,
    name: &'a str,
) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    node.children().filter(move |child| child.has_tag_name((namespace, name)))
}

/// The only child element of this name; `None` if there is none or more than one.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, namespace: &'a str, name: &'a str) -> Option<Node<'a, 'i>> {
    let mut found = children(node, namespace, name);
    found.next().filter(|_| found.next().is_none())
}

/// The text of an element without space around it. Pieces on both sides of a comment are joined.
pub(super) fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|part| part.text()).collect::<String>().trim().to_owned()
}

/// An element as a document of its own. Its bytes stay the same, but its start tag gets the namespace declarations that
/// it inherits, or `xmlns=""` if there is no default namespace. So it means the same wherever it is put. Its canonical
/// form, over which signatures are made, stays the same too: exclusive canonicalization leaves out unused declarations,
/// and inclusive canonicalization would have added just these.
pub(super) fn cut(document: &str, node: Node<'_, '_>) -> Option<Zeroizing<String>> {
    let own = document.get(node.range())?;
    let (name, rest) = own.split_at_checked(own.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))?)?;
    let declared = attributes(rest);
    let mut whole = Zeroizing::new(String::with_capacity(own.len().saturating_add(2048)));
    whole.push_str(name);
    let without_default = node.namespaces().all(|namespace| namespace.name().is_some());
    let around = node.namespaces().map(|namespace| (namespace.name(), namespace.uri()));
    for (prefix, uri) in around.chain(without_default.then_some((None, ""))) {
        let attribute = prefix.map_or_else(|| "xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
        if prefix != Some("xml") && !declared.contains(attribute.as_str()) {
            let _ = write!(whole, " {attribute}=\"{}\"", *escaped(uri));
        }
    }
    whole.push_str(rest);
    Some(whole)
}

/// The names of the attributes of a start tag. The text begins after the name of the tag.
fn attributes(mut tag: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    while let Some((name, after)) = tag.split_once('=') {
        if name.contains('>') {
            break;
        }
        names.insert(name.trim());
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
        let Some((_, rest)) = after.get(1..).and_then(|value| value.split_once(quote)) else { break };
        tag = rest;
    }
    names
}

/// The document with a text added at the end of this element.
pub(super) fn with_last_child(document: &str, node: Node<'_, '_>, added: &str) -> Option<String> {
    let range = node.range();
    let own = document.get(range.clone())?;
    let (before, after) = (document.get(..range.start)?, document.get(range.end..)?);
    if let Some(tag) = own.strip_suffix("/>") {
        let name = tag.trim_start_matches('<').split(|c: char| c.is_ascii_whitespace()).next()?;
        Some([before, tag, ">", added, "</", name, ">", after].concat())
    } else {
        let (content, end) = own.split_at_checked(own.rfind("</")?)?;
        Some([before, content, added, end, after].concat())
    }
}

/// The text with escapes, as it is written between tags or quotes.
pub(super) fn escaped(text: &str) -> Zeroizing<String> {
    let mut safe = Zeroizing::new(String::with_capacity(text.len().saturating_mul(6)));
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\t' => safe.push_str("&#9;"),
            '\n' => safe.push_str("&#10;"),
            '\r' => safe.push_str("&#13;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Whether a text has no control characters and no others that XML does not allow.
pub(super) fn is_plain(text: &str) -> bool {
    text.chars().all(|character| !character.is_control() && !matches!(character, '\u{fffe}' | '\u{ffff}'))
}
