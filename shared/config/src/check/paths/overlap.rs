//! Compares the paths of routes with each other: those that fit one call, and those that a back end takes for one.

use super::super::Findings;
use crate::api::{Api, Route};
use crate::routes::{Literal, Part, RouteId, TAKEN, Width};
use gateway_domain::ids::ApiName;
use gateway_domain::path::without_format;
use std::collections::BTreeMap;

/// A route with a valid path, here or at a back end.
#[derive(Clone, Copy)]
pub(super) struct Sound<'p> {
    pub(super) name: &'p ApiName,
    pub(super) api: &'p Api,
    pub(super) route: &'p Route,
    pub(super) id: &'p RouteId,
    pub(super) parts: &'p [Part],
}

/// The paths of one kind: those of calls, or those at one back end.
pub(super) struct Space<'p> {
    all: Vec<Sound<'p>>,
    /// By their loosest forms: every function does this while it starts, and most routes share theirs with none.
    alike: BTreeMap<Vec<Form<'p>>, Vec<Sound<'p>>>,
    /// At a back end, several routes may have one path.
    inside: bool,
}

/// A part as the most lax back end compares it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form<'p> {
    Rest,
    Any,
    Text(&'p str),
}

impl<'p> Space<'p> {
    pub(super) const fn outside() -> Self {
        Self { all: Vec::new(), alike: BTreeMap::new(), inside: false }
    }

    pub(super) const fn inside() -> Self {
        Self { all: Vec::new(), alike: BTreeMap::new(), inside: true }
    }

    pub(super) fn add(&mut self, one: Sound<'p>) {
        self.alike.entry(one.loosest()).or_default().push(one);
        self.all.push(one);
    }

    /// Reports what is wrong between a path and those that are there.
    pub(super) fn compare(&self, one: &Sound<'p>, findings: &mut Findings) {
        let others = || self.all.iter().filter(|other| other.id != one.id);
        if let Some(rival) = others().find(|other| ambiguous(one.parts, other.parts, self.inside)) {
            let there = if self.inside { " at the back end" } else { "" };
            findings.add(
                one.field(),
                format!(
                    "some calls fit {}{there} as well, and neither is narrower: write one of them differently",
                    rival.route.written()
                ),
            );
        }
        let alike = self.alike.get(&one.loosest()).into_iter().flatten();
        let twin = alike.filter(|other| one.is_twin_of(other));
        // What stands for the rest of a path can meet a path of another length.
        let wide = others().filter(|other| !one.is_exact_with(other) && meet_loosely_alone(one.parts, other.parts));
        let Some(twin) = twin.chain(wide).find(|other| !one.asks_the_same_as(other)) else { return };
        let written = twin.route.written();
        let reason = if self.inside && one.parts == twin.parts {
            format!(
                "{written} becomes the same path at the back end, and it has other methods, scopes or weight: forward one of \
                     them differently, or ask for the same"
            )
        } else {
            let there = if self.inside { ", as it is forwarded," } else { "" };
            format!(
                "a back end may take {written}{there} for the same path, and it has other methods, scopes or weight: write one of \
                 them differently, or `exact_paths: true` if the back end compares paths byte for byte"
            )
        };
        findings.add(one.field(), reason);
    }
}

impl<'p> Sound<'p> {
    /// The field that its path is in.
    pub(super) fn field(&self) -> String {
        let RouteId { api, index } = self.id;
        let key = if self.route.prefix.is_some() { "prefix" } else { "path" };
        format!("apis.{api}.routes[{index}].{key}")
    }

    /// The path as the most lax back end compares it: in the loose form, without a slash at the end, and without the
    /// extension that names a format.
    fn loosest(&self) -> Vec<Form<'p>> {
        let mut forms: Vec<_> = self.forms(|literal| &literal.loose).collect();
        if forms.last() == Some(&Form::Text("")) {
            forms.pop();
        }
        if let Some(Form::Text(last)) = forms.last_mut() {
            *last = without_format(last);
        }
        forms
    }

    /// One form of each part.
    fn forms(&self, form: fn(&'p Literal) -> &'p str) -> impl Iterator<Item = Form<'p>> {
        let parts: &'p [Part] = self.parts;
        parts.iter().map(move |part| match part {
            Part::Rest => Form::Rest,
            Part::Any => Form::Any,
            Part::Literal(literal) => Form::Text(form(literal)),
        })
    }

    fn is_exact_with(&self, other: &Self) -> bool {
        self.api.exact_paths && other.api.exact_paths
    }

    /// Whether the back end of one of them could take both for the same path. Their loosest forms must be equal.
    fn is_twin_of(&self, other: &Self) -> bool {
        !self.is_exact_with(other) || self.forms(Literal::decoded).eq(other.forms(Literal::decoded))
    }

    /// Whether a call needs the same on both routes, so it does not matter which one the back end takes it for. Routes that
    /// differ only in a slash at the end or in the format may each have methods that the other does not have.
    fn asks_the_same_as(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.route.methods, &other.route.methods);
        let methods = if self.forms(|literal| &literal.loose).eq(other.forms(|literal| &literal.loose)) {
            ours.iter().eq(theirs.iter())
        } else {
            ours.iter().all(|(method, scopes)| theirs.get(*method).is_none_or(|other| other == scopes))
        };
        let alike = self.route.public == other.route.public && self.route.weight == other.route.weight;
        self.name == other.name && alike && methods
    }
}

/// Whether some path matches both routes, and each route is narrower than the other somewhere. At a back end, no first segment
/// is taken.
fn ambiguous(one: &[Part], other: &[Part], inside: bool) -> bool {
    let mut narrower = (false, false);
    for (position, parts) in one.iter().zip(other).enumerate() {
        let open = |part: &Part| match part {
            Part::Literal(literal) => {
                let text = literal.canonical();
                !text.is_empty() && (inside || position > 0 || !TAKEN.contains(&text))
            }
            Part::Rest | Part::Any => true,
        };
        let (a, b) = parts;
        match (a.literal(), b.literal()) {
            (Some(a), Some(b)) if a.canonical() != b.canonical() => return false,
            (Some(_), None) if !open(a) => return false,
            (None, Some(_)) if !open(b) => return false,
            _ => {}
        }
        narrower.0 |= a.width() > b.width();
        narrower.1 |= a.width() < b.width();
        // Whatever follows in the other path is part of the rest.
        if a.width() == Width::Rest || b.width() == Width::Rest {
            let (longer, wide) =
                if a.width() == Width::Rest { (other, &mut narrower.1) } else { (one, &mut narrower.0) };
            *wide |= longer.len() > position.saturating_add(1);
            return narrower == (true, true);
        }
    }
    one.len() == other.len() && narrower == (true, true)
}

/// Whether one of two paths ends in a rest and a lax back end could take a call of one for the other, although their literals
/// differ for the gateway.
fn meet_loosely_alone(one: &[Part], other: &[Part]) -> bool {
    let mut differ = false;
    for (a, b) in one.iter().zip(other) {
        if a.width() == Width::Rest || b.width() == Width::Rest {
            return differ;
        }
        if let (Some(a), Some(b)) = (a.literal(), b.literal()) {
            if a.loose != b.loose {
                return false;
            }
            differ |= a.canonical() != b.canonical();
        }
    }
    false
}
