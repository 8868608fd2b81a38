//! Decodes query strings and path parameters as a REST API does.

use percent_encoding::percent_decode_str;

/// Names and values, in order. `&` and `;` separate pairs, `+` is a space, and a name without `=` has an empty value.
pub(super) fn decode(query: &str) -> Vec<(String, String)> {
    let pairs = query.split(['&', ';']).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (component(name), component(value))
        })
        .collect()
}

/// Bytes that are not UTF-8 become U+FFFD. A percent sign without two hexadecimal digits stays as it is.
fn component(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Decodes a path parameter, in which a plus is a plus.
pub(super) fn decode_path(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &str) -> Vec<(String, String)> {
        decode(query)
    }

    fn expect(query: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(pairs(query), expected, "{query}");
    }

    #[test]
    fn odd_queries_are_decoded() {
        expect("", &[]);
        expect("&&", &[]);
        expect("a", &[("a", "")]);
        expect("=b", &[("", "b")]);
        expect("a=b=c", &[("a", "b=c")]);
        expect("a=1&a=2&a=1", &[("a", "1"), ("a", "2"), ("a", "1")]);
        expect("a=x+y%2Bz", &[("a", "x y+z")]);
        expect("%61=%C3%A9&b=%ff&c=%zz&d=100%", &[("a", "é"), ("b", "\u{fffd}"), ("c", "%zz"), ("d", "100%")]);
        expect("a=1;b=2", &[("a", "1"), ("b", "2")]);
        expect("a=\"{}|\"", &[("a", "\"{}|\"")]);
    }
}
