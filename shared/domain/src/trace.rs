//! The trace a call belongs to, as AWS X-Ray and as W3C Trace Context write it.

/// The id of a trace in a header of X-Ray, such as `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=…;Sampled=1`.
pub fn root(header: &str) -> Option<&str> {
    field(header, "Root")
}

/// The `traceparent` (W3C Trace Context section 3.2) of an X-Ray header that has a well-formed root and a parent.
pub fn traceparent(header: &str) -> Option<String> {
    let (time, unique) = root(header)?.strip_prefix("1-")?.split_once('-')?;
    let parent = field(header, "Parent")?;
    let sampled = if field(header, "Sampled") == Some("1") { "01" } else { "00" };
    let sound = is_hex(time, 8) && is_hex(unique, 24) && is_hex(parent, 16);
    // Ids of zeros alone are not valid (sections 3.2.2.3 and 3.2.2.4).
    let all_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    let named = !(all_zero(time) && all_zero(unique) || all_zero(parent));
    (sound && named).then(|| format!("00-{time}{unique}-{parent}-{sampled}"))
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

    #[test]
    fn a_trace_of_x_ray_is_told_as_w3c_writes_it() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let expected = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
        assert_eq!(traceparent(header).as_deref(), Some(expected));
        assert_eq!(root(header), Some("1-5759e988-bd862e3fe1be46a994272793"));
        let unsampled = header.replace("Sampled=1", "Sampled=0;Lineage=a:0");
        assert_eq!(traceparent(&unsampled), Some(expected.replace("-01", "-00")));
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
            assert_eq!(traceparent(header), None, "{header:?}");
        }
    }
}
