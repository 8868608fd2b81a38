//! Removes the content codings of a body (RFC 9110 §8.4), up to a bound on what comes out.

use std::borrow::Cow;
use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderValue};

/// The most codings of one body. Real ones have one.
const MOST_CODINGS: usize = 3;

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotDecoded {
    #[error("the response's body has a content coding other than gzip, deflate and br")]
    Unknown,
    #[error("the response's body is not what its Content-Encoding says")]
    Broken,
    #[error("the response's body is too large when it is decoded")]
    TooLarge,
}

/// The decoded body of a response, of at most `most` bytes.
pub(crate) fn decoded(headers: &HeaderMap, body: &Bytes, most: usize) -> Result<Bytes, NotDecoded> {
    let mut body = body.clone();
    for coding in codings(headers)?.into_iter().rev() {
        let (decoded, whole) = coding.decode(&body, most);
        if decoded.len() > most {
            return Err(NotDecoded::TooLarge);
        }
        if !whole {
            return Err(NotDecoded::Broken);
        }
        body = Bytes::from(decoded);
    }
    Ok(body)
}

/// The first `most` bytes of a decoded body, or fewer, if not all of it was received or it is broken further on. A body in
/// an unknown coding is returned as it is.
pub(crate) fn start<'b>(headers: &HeaderMap, body: &'b [u8], most: usize) -> Cow<'b, [u8]> {
    let Ok(codings) = codings(headers) else { return Cow::Borrowed(body) };
    let mut body = Cow::Borrowed(body);
    for coding in codings.into_iter().rev() {
        let (mut decoded, _) = coding.decode(&body, most);
        decoded.truncate(most);
        body = Cow::Owned(decoded);
    }
    body
}

/// Leaves in `Accept-Encoding` (RFC 9110 §12.5.3) what can be decoded here, and otherwise asks for no coding: in a coding that is
/// unknown here, nobody sees that a session is over. Who has not said what it accepts stays as it is.
pub fn accept_what_can_be_decoded(headers: &mut HeaderMap) {
    if !headers.contains_key(ACCEPT_ENCODING) {
        return;
    }
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let accepted: Vec<_> =
        lines.flat_map(|line| line.split(',')).map(str::trim).filter(|one| is_decoded(one)).collect();
    let accepted = HeaderValue::from_str(&accepted.join(", ")).ok().filter(|accepted| !accepted.is_empty());
    headers.insert(ACCEPT_ENCODING, accepted.unwrap_or(HeaderValue::from_static("identity")));
}

/// Whether an element of `Accept-Encoding` admits nothing but what can be decoded. `*` admits everything, unless it is refused.
fn is_decoded(element: &str) -> bool {
    let (coding, weight) = element.split_once(';').unwrap_or((element, ""));
    match coding.trim().to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" | "deflate" | "br" | "identity" => true,
        "*" => weight.trim().split_once('=').is_some_and(|(name, weight)| {
            name.trim().eq_ignore_ascii_case("q") && weight.trim().bytes().all(|byte| matches!(byte, b'0' | b'.'))
        }),
        _ => false,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

impl Coding {
    /// At most one byte more than `most`, and whether that is all and was sound.
    fn decode(self, body: &[u8], most: usize) -> (Vec<u8>, bool) {
        match self {
            Self::Gzip => bounded(MultiGzDecoder::new(body), most),
            // Meant is zlib (RFC 1950), but some servers send bare DEFLATE (RFC 1951), as browsers know.
            Self::Deflate if is_zlib(body) => bounded(ZlibDecoder::new(body), most),
            Self::Deflate => bounded(DeflateDecoder::new(body), most),
            Self::Brotli => bounded(brotli_decompressor::Decompressor::new(body, 4096), most),
        }
    }
}

fn bounded(reader: impl Read, most: usize) -> (Vec<u8>, bool) {
    let mut decoded = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let whole = reader.take(limit).read_to_end(&mut decoded).is_ok();
    (decoded, whole)
}

fn is_zlib(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0,
        _ => false,
    }
}

/// The codings in the order in which they were applied.
fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, NotDecoded> {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let mut codings = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        codings.push(match name.to_ascii_lowercase().as_slice() {
            b"identity" => continue,
            b"gzip" | b"x-gzip" => Coding::Gzip,
            b"deflate" => Coding::Deflate,
            b"br" => Coding::Brotli,
            _ => return Err(NotDecoded::Unknown),
        });
    }
    if codings.len() > MOST_CODINGS { Err(NotDecoded::Unknown) } else { Ok(codings) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use std::io::Write as _;

    /// `hello` as a stream of Brotli with one uncompressed block (RFC 7932 §9.2).
    const BROTLI: &[u8] = &[0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];

    fn headers(coding: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, coding.parse().unwrap())])
    }

    fn gzip(body: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn what_servers_send_is_decoded() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"hello").unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(b"hello").unwrap();
        let (zlib, bare) = (zlib.finish().unwrap().into(), bare.finish().unwrap().into());
        for (coding, body) in [
            ("gzip", gzip(b"hello")),
            ("X-GZIP", gzip(b"hello")),
            ("deflate", zlib),
            ("deflate", bare),
            ("br", Bytes::from_static(BROTLI)),
            ("gzip, gzip", gzip(&gzip(b"hello"))),
            ("identity", Bytes::from_static(b"hello")),
            ("", Bytes::from_static(b"hello")),
        ] {
            assert_eq!(decoded(&headers(coding), &body, 64).as_deref(), Ok(&b"hello"[..]), "{coding}");
            assert_eq!(start(&headers(coding), &body, 64), &b"hello"[..], "{coding}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_not_asked_for() {
        for (given, expected) in [
            (&["gzip, deflate, br, zstd"][..], "gzip, deflate, br"),
            (&["zstd;q=1.0, GZIP;q=0.5 , *;q=0"], "GZIP;q=0.5, *;q=0"),
            (&["zstd", "br;q=0.1"], "br;q=0.1"),
            (&["zstd"], "identity"),
            (&["*"], "identity"),
            (&["*;q=0.5, identity;q=0"], "identity;q=0"),
            (&["*; q=0.000"], "*; q=0.000"),
            (&[""], "identity"),
            (&["compress, dcb, \u{e9}, gzip;level=9"], "identity"),
        ] {
            let mut headers = HeaderMap::new();
            for line in given {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            accept_what_can_be_decoded(&mut headers);
            let left: Vec<_> = headers.get_all(ACCEPT_ENCODING).iter().collect();
            assert_eq!(left, [expected], "{given:?}");
        }
        let mut none = HeaderMap::new();
        accept_what_can_be_decoded(&mut none);
        assert!(none.is_empty());
    }

    #[test]
    fn a_bomb_and_what_is_broken_or_unknown_are_told() {
        let bomb = gzip(&vec![0; 50 * 1024 * 1024]);
        assert!(bomb.len() < 100_000);
        assert_eq!(decoded(&headers("gzip"), &bomb, 1024), Err(NotDecoded::TooLarge));
        assert_eq!(start(&headers("gzip"), &bomb, 1024).len(), 1024);
        let broken = Bytes::from_static(b"not compressed");
        for coding in ["gzip", "deflate", "br"] {
            assert_eq!(decoded(&headers(coding), &broken, 1024), Err(NotDecoded::Broken), "{coding}");
        }
        for coding in ["zstd", "compress", "gzip, zstd", "gzip,gzip,gzip,gzip"] {
            assert_eq!(decoded(&headers(coding), &broken, 1024), Err(NotDecoded::Unknown), "{coding}");
            assert_eq!(start(&headers(coding), &broken, 1024), &broken[..]);
        }
    }

    #[test]
    fn the_start_of_a_body_that_is_not_all_there_is_decoded() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|n| format!("{n} ").into_bytes()).collect();
        let whole = gzip(&text);
        let found = start(&headers("gzip"), &whole[..whole.len() / 2], 100);
        assert_eq!(found, &text[..100]);
    }
}
