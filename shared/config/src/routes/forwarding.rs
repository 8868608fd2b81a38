//! How the path of a call becomes the path at the back end, and a path there becomes one here.

use gateway_domain::path::Segment;

use super::part::{Literal, Part};

/// The path at the back end, part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Forwarding(pub(crate) Vec<Target>);

/// A part of a path at the back end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A text of the configuration.
    Literal(Segment),
    /// The segment of the call at this position.
    Segment(usize),
    /// All segments of the call from this position on. Always the last part.
    Rest(usize),
}

impl Forwarding {
    /// The segments at the back end for a call with these.
    pub(crate) fn of(&self, call: &[Segment]) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(call.len().saturating_add(self.0.len()));
        for target in &self.0 {
            match target {
                Target::Literal(segment) => segments.push(segment.clone()),
                Target::Segment(at) => segments.extend(call.get(*at).cloned()),
                Target::Rest(from) => segments.extend(call.get(*from..).unwrap_or_default().iter().cloned()),
            }
        }
        // A path has at least one segment, be it empty: `/`.
        if segments.is_empty() {
            segments.extend(Segment::parse(""));
        }
        segments
    }

    /// The parts of all paths at the back end that calls with these parts become.
    pub(crate) fn parts(&self, call: &[Part]) -> Vec<Part> {
        let part = |target: &Target| match target {
            Target::Literal(segment) => Some(Part::Literal(Literal::of(segment.clone()))),
            Target::Segment(at) | Target::Rest(at) => call.get(*at).cloned(),
        };
        let parts: Vec<Part> = self.0.iter().filter_map(part).collect();
        if parts.is_empty() { Part::of("").into_iter().collect() } else { parts }
    }
}

/// The path here of a call that becomes this path at the back end, each as texts between slashes. `None` if the path there does
/// not say all that the path here needs.
pub(crate) fn outside(parts: &[Part], forwarding: Option<&Forwarding>, inside: &[&str]) -> Option<Vec<String>> {
    let Some(Forwarding(targets)) = forwarding else {
        return Some(inside.iter().map(|&text| text.to_owned()).collect());
    };
    let found = |wanted: Target| targets.iter().position(|target| *target == wanted);
    let mut texts = Vec::with_capacity(inside.len().saturating_add(parts.len()));
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(literal) => texts.push(literal.canonical().to_owned()),
            Part::Any => texts.push((*inside.get(found(Target::Segment(at))?)?).to_owned()),
            Part::Rest => texts.extend(inside.get(found(Target::Rest(at))?..)?.iter().map(|&text| text.to_owned())),
        }
    }
    Some(texts)
}
