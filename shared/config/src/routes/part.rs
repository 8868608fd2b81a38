//! The parts of a route's path.

use gateway_domain::path::{PathRefused, Segment, loose};

/// A part of a route's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A name in braces with a plus, always the last: all segments from here on, of which the first is not empty.
    Rest,
    /// A name in braces, which matches any one segment that is not empty.
    Any,
    /// A literal, which matches this text only.
    Literal(Literal),
}

/// How narrow a part is. Of two routes that fit a call, the one with the narrower part at the first difference goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    Rest,
    Any,
    Literal,
}

/// The text of a literal segment, in each form in which calls are compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    /// The segment in its canonical form. A call matches the literal only in this form.
    pub(crate) segment: Segment,
    /// The form that lax back ends compare.
    pub(crate) loose: String,
}

impl Literal {
    pub(crate) fn of(segment: Segment) -> Self {
        Self { loose: loose(segment.decoded()), segment }
    }

    /// The canonical form.
    pub(crate) fn canonical(&self) -> &str {
        self.segment.as_str()
    }

    /// The decoded text.
    pub(crate) fn decoded(&self) -> &str {
        self.segment.decoded()
    }
}

impl Part {
    /// The part that a segment of a route's path stands for. A literal that no call can have is refused.
    pub(crate) fn of(written: &str) -> Result<Self, PathRefused> {
        match parameter(written) {
            Some(Parameter { rest: true, .. }) => Ok(Self::Rest),
            Some(Parameter { rest: false, .. }) => Ok(Self::Any),
            None => Segment::parse(written).map(|segment| Self::Literal(Literal::of(segment))),
        }
    }

    /// Its text, if it is a literal.
    pub(crate) const fn literal(&self) -> Option<&Literal> {
        match self {
            Self::Rest | Self::Any => None,
            Self::Literal(literal) => Some(literal),
        }
    }

    pub(crate) const fn width(&self) -> Width {
        match self {
            Self::Rest => Width::Rest,
            Self::Any => Width::Any,
            Self::Literal(_) => Width::Literal,
        }
    }
}

/// A name in braces, such as `{id}` or `{rest+}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameter<'p> {
    pub(crate) name: &'p str,
    /// Whether it stands for all segments from here on.
    pub(crate) rest: bool,
}

/// The name in braces that a segment is; `None` for a literal.
pub(crate) fn parameter(segment: &str) -> Option<Parameter<'_>> {
    let inside = segment.strip_prefix('{')?;
    let inside = inside.strip_suffix('}').unwrap_or(inside);
    let name = inside.strip_suffix('+');
    Some(Parameter { name: name.unwrap_or(inside), rest: name.is_some() })
}

/// The segments of a route's path, as it is written.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}
