//! Web pages: origins, times and headers.

use super::{GOOD, accepted, problems, told};

/// The line that the cases change, which comes first.
const FIRST: &str = "issuer: https://auth.example.com\n";

#[test]
fn origins_that_no_browser_sends_or_that_are_too_wide() {
    told(&[
        (FIRST, "cors: { origins: ['*'] }\n", 1, "cors.origins[0]", "not the origin of a web page"),
        (FIRST, "cors: { origins: ['null'] }\n", 1, "cors.origins[0]", "not the origin of a web page"),
        (FIRST, "cors: { origins: ['https://*.example.com'] }\n", 1, "cors.origins[0]", "wildcards"),
        (FIRST, "cors: { origins: [http://app.example.com] }\n", 1, "cors.origins[0]", "http is for 127.0.0.1"),
        (FIRST, "cors: { origins: [https://a.example, https://b.example/] }\n", 1, "cors.origins[1]", "final slash"),
        (FIRST, "cors: { origins: [https://a.example:443] }\n", 1, "cors.origins[0]", "usual port"),
        (FIRST, "cors: { origins: [https://A.example] }\n", 1, "cors.origins[0]", "small letters"),
        (FIRST, "cors: { origins: [https://a.example, https://a.example] }\n", 1, "cors.origins[1]", "keep one"),
        (FIRST, "cors: { origins: [] }\n", 1, "cors.origins", "write 1 to 32 origins"),
        (FIRST, "cors: { max_age: 1m }\n", 1, "cors", "`origins` is missing"),
    ]);
    accepted(&[
        (FIRST, "cors: { origins: [https://app.example.com] }\n"),
        (FIRST, "cors: { origins: [https://a.example:8443, http://localhost:5173, 'http://[::1]:1'] }\n"),
    ]);
    let many: Vec<_> = (0..33).map(|n| format!("https://a{n}.example")).collect();
    let listed = |count: usize| GOOD.replace(FIRST, &format!("cors: {{ origins: [{}] }}\n", many[..count].join(", ")));
    assert!(problems(&listed(33))[0].reason.contains("1 to 32"));
    assert!(gateway_config::Gateway::parse(&listed(32)).is_ok());
}

#[test]
fn other_fields_of_cors_that_are_out_of_range() {
    const PAGE: &str = "cors: { origins: [https://app.example.com], max_age: 25h }\n";
    told(&[
        (FIRST, PAGE, 1, "cors.max_age", "write 0s to 1d"),
        (
            FIRST,
            "cors: { origins: [https://app.example.com], request_headers: ['*'] }\n",
            1,
            "cors.request_headers[0]",
            "write each by its name",
        ),
        (
            FIRST,
            "cors: { origins: [https://app.example.com], response_headers: [a b] }\n",
            1,
            "cors.response_headers[0]",
            "not the name of a header",
        ),
        (
            FIRST,
            "cors: { origins: [https://app.example.com], request_headers: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q] }\n",
            1,
            "cors.request_headers",
            "at most 16",
        ),
        (FIRST, "cors: { origins: [https://app.example.com], credentials: true }\n", 1, "cors.credentials", "unknown"),
    ]);
    accepted(&[
        (FIRST, "cors: { origins: [https://app.example.com], max_age: 24h, response_headers: [ETag, Location] }\n"),
        (FIRST, "cors: { origins: [https://app.example.com], max_age: 0s, request_headers: [If-Match] }\n"),
    ]);
}

/// The gateway answers web pages that ask for permission; no back end is asked.
#[test]
fn options_is_no_method_of_a_route() {
    told(&[(
        "POST: [orders:write]",
        "OPTIONS: [orders:write]",
        40,
        "apis.orders.routes[0].methods.OPTIONS",
        "write one of GET, HEAD, POST, PUT, PATCH, DELETE",
    )]);
}
