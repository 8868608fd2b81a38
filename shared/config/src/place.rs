//! Finds the line, column and field name of a problem in a YAML text.

use granit_parser::{Event, Marker, Parser};

/// A line and a column, both from 1. The column counts characters.
pub(crate) type Position = (u64, u64);

/// The positions at which the keys and values of a text begin, as far as the text can be read.
pub(crate) struct Places(Vec<Place>);

struct Place {
    at: Position,
    field: String,
    /// The length of the part of `field` that names the mapping or list around it.
    around: usize,
    kind: Kind,
    /// A scalar as it is written, without quotes; `*` for an alias.
    written: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Key,
    Single,
    Several,
}

/// A mapping or a list that has begun.
enum Open {
    Mapping { field: String, key: Option<String> },
    List { field: String, index: usize },
}

impl Places {
    /// Reads a text up to its end or its first mistake.
    pub(crate) fn of(text: &str) -> Self {
        let mut places = Self(Vec::new());
        let mut open = Vec::new();
        let mut parser = Parser::new_from_str(text);
        while let Some(Ok((event, span))) = parser.next_event() {
            let read_on = places.note(&mut open, &event, span.start);
            if read_on.is_none() {
                break;
            }
        }
        places
    }

    /// Records the key or value that an event begins. `None` means that the rest cannot be recorded.
    fn note(&mut self, open: &mut Vec<Open>, event: &Event<'_>, at: Marker) -> Option<()> {
        if let Event::Scalar(text, ..) = event {
            self.node(open, at, Kind::Single, text)?;
        } else if event.is_alias() {
            self.node(open, at, Kind::Single, "*")?;
        } else if let Event::MappingStart(..) = event {
            let field = self.node(open, at, Kind::Several, "")?;
            open.push(Open::Mapping { field, key: None });
        } else if let Event::SequenceStart(..) = event {
            let field = self.node(open, at, Kind::Several, "")?;
            open.push(Open::List { field, index: 0 });
        } else if matches!(event, Event::MappingEnd | Event::SequenceEnd) {
            open.pop()?;
        }
        Some(())
    }

    /// Records a key or a value and returns its field. `None` if a key is a mapping or a list, because no field has such a
    /// name.
    fn node(&mut self, open: &mut [Open], at: Marker, kind: Kind, text: &str) -> Option<String> {
        let (field, around, kind) = match open.last_mut() {
            None => (String::new(), 0, kind),
            Some(Open::List { field, index }) => {
                let item = format!("{field}[{index}]");
                *index = index.saturating_add(1);
                (item, field.len(), kind)
            }
            Some(Open::Mapping { field, key }) => match key.take() {
                Some(key) => (joined(field, &key), field.len(), kind),
                None if kind == Kind::Several => return None,
                None => {
                    *key = Some(text.to_owned());
                    (joined(field, text), field.len(), Kind::Key)
                }
            },
        };
        let column = u64::try_from(at.col()).unwrap_or(u64::MAX).saturating_add(1);
        let at = (u64::try_from(at.line()).unwrap_or(u64::MAX), column);
        self.0.push(Place { at, field: field.clone(), around, kind, written: text.to_owned() });
        Some(field)
    }

    /// The last field that begins in the text.
    pub(crate) fn last_field(&self) -> &str {
        self.0.last().map_or("", |place| &place.field)
    }

    /// The field that begins at a position, or otherwise the last one that begins before it.
    pub(crate) fn field_at(&self, at: Position) -> &str {
        self.place_at(at).map_or("", |place| &place.field)
    }

    /// The mapping that begins at a position. A mapping begins where its first key begins.
    pub(crate) fn mapping_at(&self, at: Position) -> &str {
        self.place_at(at).map_or("", |place| match place.kind {
            Kind::Key => place.field.get(..place.around).unwrap_or_default(),
            Kind::Single | Kind::Several => &place.field,
        })
    }

    /// The scalar of a field as it is written. `None` if a mapping or list around the field is an alias.
    pub(crate) fn written_at(&self, field: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|place| place.kind == Kind::Single && place.field == field);
        found.next().map(|place| place.written.as_str())
    }

    fn place_at(&self, at: Position) -> Option<&Place> {
        let here = || self.0.iter().filter(|place| place.at == at);
        let before = || self.0.iter().rev().find(|place| place.at <= at);
        here().find(|place| place.kind != Kind::Several).or_else(|| here().next()).or_else(before)
    }

    /// The position of a field: that of its value if it is a scalar, otherwise that of its key. A field that is not written
    /// has the position of the closest field around it.
    pub(crate) fn position_of(&self, field: &str) -> Position {
        let mut wanted = field;
        loop {
            let all = || self.0.iter().filter(|place| place.field == wanted);
            let found = all().find(|place| place.kind == Kind::Single).or_else(|| all().next());
            match (found, wanted.rfind(['.', '['])) {
                (Some(place), _) => return place.at,
                (None, Some(end)) => wanted = wanted.get(..end).unwrap_or_default(),
                (None, None) if wanted.is_empty() => return (1, 1),
                (None, None) => wanted = "",
            }
        }
    }
}

fn joined(field: &str, key: &str) -> String {
    if field.is_empty() { key.to_owned() } else { format!("{field}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a: 1\nb:\n  - c: x\n    d: [p, q]\n  - {e: y}\nf: &f\n  g: z\nh: *f\n";

    #[test]
    fn every_value_has_its_line_and_column() {
        let places = Places::of(TEXT);
        for (field, at) in [
            ("a", (1, 4)),
            ("b", (2, 1)),
            ("b[0].c", (3, 8)),
            ("b[0].d", (4, 5)),
            ("b[0].d[1]", (4, 12)),
            ("b[1].e", (5, 9)),
            ("f", (6, 1)),
            ("f.g", (7, 6)),
            ("h", (8, 4)),
        ] {
            assert_eq!(places.position_of(field), at, "{field}");
        }
    }

    #[test]
    fn a_field_that_is_not_written_is_where_the_closest_one_around_it_is() {
        let places = Places::of(TEXT);
        assert_eq!(places.position_of("b[0].missing"), places.position_of("b[0]"));
        assert_eq!(places.position_of("h.g"), (8, 4));
        assert_eq!(places.position_of("missing.too"), (1, 1));
        assert_eq!(Places::of("").position_of("a"), (1, 1));
    }

    #[test]
    fn a_position_tells_the_field() {
        let places = Places::of(TEXT);
        for (at, field) in [
            ((1, 1), "a"),
            ((3, 5), "b[0].c"),
            ((4, 12), "b[0].d[1]"),
            ((4, 13), "b[0].d[1]"),
            ((5, 6), "b[1].e"),
            ((99, 1), "h"),
        ] {
            assert_eq!(places.field_at(at), field, "{at:?}");
        }
    }

    #[test]
    fn a_mapping_begins_where_its_first_key_begins() {
        let places = Places::of(TEXT);
        for (at, field) in [((1, 1), ""), ((3, 5), "b[0]"), ((5, 6), "b[1]"), ((7, 3), "f"), ((8, 4), "h")] {
            assert_eq!(places.mapping_at(at), field, "{at:?}");
        }
    }

    #[test]
    fn a_text_with_a_mistake_is_known_up_to_there() {
        let places = Places::of("a: 1\nb: {\nc: ]");
        assert_eq!(places.field_at((3, 4)), "b.c");
        assert_eq!(Places::of("a: &x [*x]\n[k]: v\nz: 1").field_at((9, 9)), "a[0]");
    }
}
