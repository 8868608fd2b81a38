//! The trace of a call, in the forms of AWS X-Ray and of W3C Trace Context.

/// A well-formed X-Ray trace header, such as `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace<'h> {
    /// The id of the trace: `1-`, eight hexadecimal digits of the time, `-`, and 24 random ones.
    pub root: &'h str,
    /// The id of the segment that sent the call: 16 hexadecimal digits.
    pub parent: &'h str,
    /// Whether the trace is sampled.
    pub sampled: bool,
}

impl<'h> Trace<'h> {
    /// Reads a header; `None` unless its root and its parent are well-formed.
    pub fn parse(header: &'h str) -> Option<Self> {
        let (root, parent) = (root(header)?, field(header, "Parent")?);
        (is_hex(parent, 16) && !all_zero(parent)).then_some(Self {
            root,
            parent,
            sampled: field(header, "Sampled") == Some("1"),
        })
    }

    /// The X-Ray header of this trace.
    pub fn to_header(self) -> String {
        format!("Root={};Parent={};Sampled={}", self.root, self.parent, u8::from(self.sampled))
    }

    /// The `traceparent` of this trace (W3C Trace Context §3.2).
    pub fn to_traceparent(self) -> String {
        let unique: String = self.root.chars().skip("1-".len()).filter(|letter| *letter != '-').collect();
        format!("00-{unique}-{}-{:02}", self.parent, u8::from(self.sampled))
    }
}

/// The id of the trace in a header, if it is well-formed. The rest of the header may be malformed.
pub fn root(header: &str) -> Option<&str> {
    let root = field(header, "Root")?;
    let (time, unique) = root.strip_prefix("1-")?.split_once('-')?;
    (is_hex(time, 8) && is_hex(unique, 24) && !(all_zero(time) && all_zero(unique))).then_some(root)
}

/// An id of zeros only is invalid (W3C Trace Context §3.2.2.3, §3.2.2.4).
fn all_zero(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0')
}

fn field<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    let fields = header.split(';').filter_map(|field| field.split_once('='));
    fields.map(|(given, value)| (given.trim(), value.trim())).find(|(given, _)| *given == name).map(|(_, value)| value)
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn a_trace_of_x_ray_is_told_as_w3c_writes_it() {
        let trace = Trace::parse(HEADER).unwrap();
        assert_eq!(trace.root, "1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(trace.to_traceparent(), "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
        let unsampled = HEADER.replace("Sampled=1", "Sampled=0;Lineage=a:0");
        let unsampled = Trace::parse(&unsampled).unwrap();
        assert!(!unsampled.sampled);
        assert_eq!(unsampled.to_traceparent(), "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00");
    }

    #[test]
    fn a_trace_goes_on_under_another_parent() {
        let trace = Trace::parse(HEADER).unwrap();
        assert_eq!(trace.to_header(), HEADER);
        let below = Trace { parent: "00000000000000ab", ..trace }.to_header();
        assert_eq!(below, HEADER.replace("53995c3f42cd8ad8", "00000000000000ab"));
    }

    #[test]
    fn what_is_no_trace_is_not_made_one() {
        for header in [
            "",
            "Root=1-2-3",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=0000000000000000;Sampled=1",
            "Root=1-5759E988-BD862E3FE1BE46A994272793;Parent=53995c3f42cd8ad8",
            "Root=1-5759e988-bd862e3fe1be46a99427279\r;Parent=53995c3f42cd8ad8",
        ] {
            assert_eq!(Trace::parse(header), None, "{header:?}");
        }
    }
}
