//! Paths as one tree of segments: which one a call has, and which others a back end could take it for.

use std::collections::BTreeMap;

use gateway_domain::path::{Readings, Segment};

use super::part::{Literal, Part, Width};

/// First segments that other functions serve or that need no authorizer, so a name in braces never matches them.
pub(crate) const TAKEN: [&str; 5] = ["oauth2", ".well-known", "account", "gateway", "public"];

/// Paths by their segments, each with what it leads to. Each node has one parent, so a search visits it at most once.
#[derive(Debug)]
pub(crate) struct Tree<T> {
    /// By their canonical text.
    literals: BTreeMap<String, (Literal, Tree<T>)>,
    any: Option<Box<Tree<T>>>,
    here: Option<Leaf<T>>,
    rest: Option<Leaf<T>>,
    /// At the root, how many segments the longest path has.
    depth: usize,
}

/// A path that ends at a node.
#[derive(Debug)]
pub(crate) struct Leaf<T> {
    pub(crate) value: T,
    widths: Vec<Width>,
}

impl<T> Leaf<T> {
    /// How narrow the path is at a segment of a call. Behind the last part there is only a rest.
    fn width(&self, at: usize) -> Width {
        self.widths.get(at).copied().unwrap_or(Width::Rest)
    }
}

/// Why it is uncertain which path a back end takes a call for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt<'t, T> {
    /// A literal has percent-encodings of characters that need none.
    Respelled,
    /// A back end could split a segment, or see none.
    Unclear,
    /// A back end could take the path for this other one.
    Other(&'t T),
}

/// How exactly a back end reads paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// It decodes once and compares byte for byte.
    Exact,
    /// Any.
    Lax,
}

impl<T> Default for Tree<T> {
    fn default() -> Self {
        Self { literals: BTreeMap::new(), any: None, here: None, rest: None, depth: 0 }
    }
}

impl<T: PartialEq> Tree<T> {
    /// Adds a path of checked syntax. The error is what is there already.
    pub(crate) fn add(&mut self, parts: &[Part], value: T) -> Result<(), &T> {
        self.depth = self.depth.max(parts.len());
        let widths = parts.iter().map(Part::width).collect();
        let mut node = self;
        let mut rest = false;
        for part in parts {
            node = match part {
                Part::Rest => {
                    rest = true;
                    break;
                }
                Part::Any => node.any.get_or_insert_default(),
                Part::Literal(literal) => {
                    let entry = node.literals.entry(literal.canonical().to_owned());
                    &mut entry.or_insert_with(|| (literal.clone(), Self::default())).1
                }
            };
        }
        let place = if rest { &mut node.rest } else { &mut node.here };
        if let Some(taken) = place {
            return Err(&taken.value);
        }
        *place = Some(Leaf { value, widths });
        Ok(())
    }

    /// The path that a call has: at each segment a literal goes before a name in braces, and that before a rest.
    pub(crate) fn find(&self, segments: &[Segment]) -> Option<&Leaf<T>> {
        let taken = segments.first().is_some_and(|first| TAKEN.contains(&first.as_str()));
        self.descend(segments, taken)
    }

    /// The same among paths at a back end, where no first segment is taken.
    pub(crate) fn find_inside(&self, segments: &[Segment]) -> Option<&Leaf<T>> {
        self.descend(segments, false)
    }

    /// The path that a text at a back end has, whose segments need not be those of a call.
    pub(crate) fn find_text(&self, segments: &[&str]) -> Option<&Leaf<T>> {
        let Some((first, below)) = segments.split_first() else { return self.here.as_ref() };
        let spelling = Segment::parse(first).ok();
        let canonical = spelling.as_ref().map_or(*first, Segment::as_str);
        let literal = self.literals.get(canonical).and_then(|(_, node)| node.find_text(below));
        let open = || if first.is_empty() { None } else { self.any.as_ref()?.find_text(below) };
        let rest = || self.rest.as_ref().filter(|_| !first.is_empty());
        literal.or_else(open).or_else(rest)
    }

    fn descend(&self, segments: &[Segment], literally: bool) -> Option<&Leaf<T>> {
        let Some((first, below)) = segments.split_first() else { return self.here.as_ref() };
        let literal = self.literals.get(first.as_str()).and_then(|(_, node)| node.descend(below, false));
        let is_open = !literally && !first.as_str().is_empty();
        let open = || if is_open { self.any.as_ref()?.descend(below, false) } else { None };
        literal.or_else(open).or_else(|| self.rest.as_ref().filter(|_| is_open))
    }

    /// Whether a back end could take the path of a call for another one, narrower than the one that was found. A literal
    /// matches in its canonical spelling only, and a value that a back end could read as a literal is refused.
    pub(crate) fn doubt(&self, segments: &[Segment], found: &Leaf<T>, reader: Reader) -> Option<Doubt<'_, T>> {
        let literal = |at: usize| found.width(at) == Width::Literal;
        if segments.iter().enumerate().any(|(at, segment)| literal(at) && segment.is_respelled()) {
            return Some(Doubt::Respelled);
        }
        let readings = segments.iter().enumerate().map(|(at, segment)| {
            let byte_for_byte = || Some(Readings::exact(segment.decoded()));
            match if reader == Reader::Exact { byte_for_byte() } else { Readings::lax(segment.decoded()) } {
                // The configuration has this literal, so it is compared as it is, however a lax back end would split it.
                None if literal(at) => byte_for_byte(),
                readings => readings,
            }
        });
        let Some(readings) = readings.collect::<Option<Vec<_>>>() else { return Some(Doubt::Unclear) };
        if let Some(other) = self.ends_early(&readings, found) {
            return Some(Doubt::Other(other));
        }
        let slash = reader == Reader::Lax && segments.last().is_some_and(|last| last.as_str().is_empty());
        let whole = readings.len().saturating_sub(usize::from(slash));
        let read = Read { readings: readings.get(..whole).unwrap_or_default(), last: None, found, reader };
        self.narrower(&read, 0, false).map(Doubt::Other)
    }

    /// Another path that a back end would see if it ends the path inside a value. The last segment ends the path anyway, so it
    /// counts only if that back end reads it as empty.
    fn ends_early(&self, readings: &[Readings], found: &Leaf<T>) -> Option<&T> {
        let end = |(at, reading): (usize, &Readings)| {
            let last = reading.as_last()?;
            let is_empty = last.are("");
            let ends_anyway = at.saturating_add(1) == readings.len() && !is_empty;
            (!ends_anyway).then_some((at, last, is_empty))
        };
        let ends = readings.iter().enumerate().filter_map(end);
        // Ends behind the longest path all lead to the same, so that a path of thousands of them costs no more than one of a few.
        let mut beyond = 0_usize;
        let mut ends = ends.take_while(|(at, ..)| {
            beyond = beyond.saturating_add(usize::from(*at > self.depth));
            beyond <= 1
        });
        ends.find_map(|(at, last, is_empty)| {
            let last = (!is_empty).then_some(&last);
            let before = readings.get(..at).unwrap_or_default();
            self.narrower(&Read { readings: before, last, found, reader: Reader::Lax }, 0, true)
        })
    }

    /// What some other path leads to that matches these readings from this position on and is narrower than the one that was
    /// found.
    fn narrower<'t>(&'t self, read: &Read<'_, T>, at: usize, narrower: bool) -> Option<&'t T> {
        let other = |leaf: Option<&'t Leaf<T>>| {
            leaf.filter(|leaf| narrower && leaf.value != read.found.value).map(|leaf| &leaf.value)
        };
        let Some(first) = read.get(at) else {
            // Lax back ends ignore a slash at the end.
            let slash = || self.literals.get("").filter(|_| read.reader == Reader::Lax);
            let ends = other(self.here.as_ref()).or_else(|| other(slash()?.1.here.as_ref()));
            // What is below a path often answers for the path itself, as an index of it.
            return ends.or_else(|| other(self.rest.as_ref().filter(|_| read.reader == Reader::Lax)));
        };
        let width = read.found.width(at);
        let next = at.saturating_add(1);
        let literal = self.literals.values().find_map(|(literal, node)| {
            let same = first.are(literal.decoded()) || (read.reader == Reader::Lax && first.are(&literal.loose));
            if same { node.narrower(read, next, narrower || width < Width::Literal) } else { None }
        });
        let any = || self.any.as_ref()?.narrower(read, next, narrower || width < Width::Any);
        literal.or_else(any).or_else(|| other(self.rest.as_ref()))
    }
}

/// How a back end reads the path of a call.
struct Read<'r, T> {
    readings: &'r [Readings],
    /// One more segment behind them.
    last: Option<&'r Readings>,
    found: &'r Leaf<T>,
    reader: Reader,
}

impl<T> Read<'_, T> {
    fn get(&self, at: usize) -> Option<&Readings> {
        self.readings.get(at).or_else(|| self.last.filter(|_| at == self.readings.len()))
    }
}
