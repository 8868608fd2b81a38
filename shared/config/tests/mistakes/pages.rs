//! Pages for users: their look, their links, and texts in more than one language.

use super::{accepted, problems, told};

/// The line that the cases change, which comes first.
const FIRST: &str = "issuer: https://auth.example.com\n";

#[test]
fn looks_that_no_page_can_have() {
    told(&[
        (FIRST, "pages: { title: Bank }\n", 1, "pages.title", "unknown field: write one of name, logo"),
        (FIRST, "pages: { name: '' }\n", 1, "pages.name", "write 1 to 60 characters"),
        (FIRST, "pages: { colour: '#ffcc00' }\n", 1, "pages.colour", "a contrast of 1.5:1, and people need 4.5:1"),
        (FIRST, "pages: { colour: blue }\n", 1, "pages.colour", "write # and six hexadecimal digits in quotes"),
        (FIRST, "pages: { logo: http://www.example.com/l.png }\n", 1, "pages.logo", "write an https URL"),
        (FIRST, "pages: { logo: /l.png }\n", 1, "pages.logo", "write an https URL"),
        (
            FIRST,
            "pages: { logo: 'data:image/bmp;base64,AA==' }\n",
            1,
            "pages.logo",
            "with png, jpeg, gif, webp or svg+xml",
        ),
        (FIRST, "pages: { logo: 'data:image/png,AA' }\n", 1, "pages.logo", "data:image/TYPE;base64"),
        (FIRST, "pages: { logo: 'data:image/png;base64,A\"A' }\n", 1, "pages.logo", "data:image/TYPE;base64"),
    ]);
    accepted(&[
        (FIRST, "pages: { name: Example Bank, colour: '#B00020' }\n"),
        (FIRST, "pages: { logo: 'https://www.example.com/logo.svg?v=2' }\n"),
        (FIRST, "pages: { logo: 'data:image/svg+xml;base64,PHN2Zy8+' }\n"),
        (FIRST, "pages: {}\n"),
    ]);
    let logo = |length: usize| format!("pages: {{ logo: 'data:image/png;base64,{}' }}\n", "A".repeat(length));
    let told = problems(&super::changed(FIRST, &logo(16_384)));
    assert!(told[0].reason.contains("more than 16384 bytes"), "{told:?}");
    accepted(&[(FIRST, &logo(16_000))]);
}

#[test]
fn links_that_no_user_can_follow() {
    told(&[
        (FIRST, "pages: { support: support@example.com }\n", 1, "pages.support", "mailto:support@example.com"),
        (FIRST, "pages: { support: 'mailto:a@b?subject=x' }\n", 1, "pages.support", "mailto:support@example.com"),
        (FIRST, "pages: { support: 'javascript:alert(1)' }\n", 1, "pages.support", "write an https URL"),
        (FIRST, "pages: { privacy: http://example.com }\n", 1, "pages.privacy", "write an https URL"),
        (FIRST, "pages: { terms: /terms }\n", 1, "pages.terms", "write an https URL"),
        (FIRST, "pages: { terms: 'https://me@example.com/' }\n", 1, "pages.terms", "write an https URL"),
    ]);
    accepted(&[
        (FIRST, "pages: { support: 'mailto:help@example.com' }\n"),
        (FIRST, "pages: { support: https://example.com/help, privacy: 'https://example.com/p#users' }\n"),
        (FIRST, "pages: { terms: https://example.com/terms }\n"),
    ]);
}

#[test]
fn texts_that_no_user_can_read() {
    let see = "orders:read: See orders";
    told(&[
        (see, "orders:read: ''", 10, "scopes.orders:read", "write 1 to 200 characters"),
        (see, "orders:read: \"a\\nb\"", 10, "scopes.orders:read", "in one line"),
        (see, "orders:read: { de: Sehen }", 10, "scopes.orders:read", "`en` is missing"),
        (see, "orders:read: { en: See, fr: Voir }", 10, "scopes.orders:read.fr", "unknown field: write one of en, de"),
        (see, "orders:read: { en: '' }", 10, "scopes.orders:read.en", "write 1 to 200 characters"),
        (see, "orders:read: [See]", 10, "scopes.orders:read", "`en` and `de` with one each"),
        (see, "orders:read: 1", 10, "scopes.orders:read", "a text in quotes"),
    ]);
    let connector = "    extract: { cookie: SESSID }\n";
    let label = |text: &str| format!("    label: {text}\n{connector}");
    let field = "connectors.orders-login.label";
    told(&[
        (connector, &label("''"), 26, field, "write 1 to 200 characters"),
        (connector, &label("{ de: Bestellungen }"), 26, field, "`en` is missing"),
    ]);
    accepted(&[(connector, &label("Order System")), (connector, &label("{ en: Order System, de: Bestellungen }"))]);
    accepted(&[
        (see, "orders:read: { en: See orders, de: Bestellungen sehen }"),
        (see, "orders:read: { en: See orders }"),
    ]);
}
