use super::*;
use crate::site::tests::{ISSUER, site};
use crate::{Mistake, Mistakes, Page, Site};
use askama::Template as _;
use gateway_domain::language::Language;

/// A text that ends any element and attribute that it stands in.
const EVIL: &str = "\"'></title></style><script>alert(1)</script>&{{ 7 * 7 }}";

fn login<'a>(site: &'a Site, username: &'a str, mistakes: Mistakes) -> Login<'a> {
    Login { site, form_token: "token", app: None, username, mistakes, forgotten: None, sign_up: None }
}

fn consent<'a>(site: &'a Site, app: &'a str) -> Consent<'a> {
    Consent {
        site,
        form_token: "token",
        app,
        returns_to: None,
        username: "ada",
        scopes: vec!["See"],
        another_account: None,
    }
}

#[test]
fn what_others_wrote_is_escaped() {
    let site = site(&format!("{{ name: \"{}\" }}", "<script>'\\\"&"), ISSUER, "en");
    let login = Login {
        app: Some(EVIL),
        form_token: EVIL,
        forgotten: Some(EVIL),
        sign_up: Some(EVIL),
        ..login(
            &site,
            EVIL,
            Mistakes::of_form(Mistake::RefusedBy(EVIL.to_owned()))
                .at("username", Mistake::KnownPassword(EVIL.to_owned())),
        )
    };
    let consent = Consent {
        returns_to: Some(EVIL),
        username: EVIL,
        scopes: vec![EVIL],
        another_account: Some(EVIL),
        form_token: EVIL,
        ..consent(&site, EVIL)
    };
    let failure = Failure { site: &site, reason: Reason::UnknownApp, detail: Some(EVIL), reference: Some(EVIL) };
    let message = Message { site: &site, notice: Notice::LoggedOut, next: Some((Step::LogIn, EVIL)) };
    let log_out = LogOut { site: &site, form_token: EVIL, username: EVIL };
    let pages = [login.render(), consent.render(), failure.render(), message.render(), log_out.render()];
    for page in pages.map(Result::unwrap) {
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("</style>").count(), 2, "{page}");
        assert_eq!(page.matches("</title>").count(), 1, "{page}");
        let (_, after) = page.split_once("</head>").unwrap();
        let tags = after.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default());
        // Each attribute of ours has its value in double quotes: an odd number of them would be one of theirs.
        assert!(tags.clone().all(|tag| tag.matches('"').count() % 2 == 0), "{page}");
        assert!(!page.contains("alert(1)</"), "{page}");
    }
}

#[test]
fn every_page_is_in_the_language_that_its_html_says() {
    for (tag, heading) in [("en", "Log in"), ("de", "Anmelden")] {
        let site = site("{}", ISSUER, tag);
        let page = login(&site, "", Mistakes::default()).render().unwrap();
        assert!(page.contains(&format!("<html lang=\"{tag}\">")), "{page}");
        assert!(page.contains(&format!("<h1>{heading}</h1>")), "{page}");
    }
}

#[test]
fn every_reason_and_notice_reads_in_both_languages() {
    let (english, german) = (site("{}", ISSUER, "en"), site("{}", ISSUER, "de"));
    for reason in Reason::ALL {
        let of = |site| Failure { site, reason, detail: None, reference: None }.heading().into_owned();
        assert_ne!(of(&english), of(&german), "{reason:?}");
    }
    for notice in Notice::ALL {
        let of = |site| Message { site, notice, next: None }.heading().into_owned();
        assert_ne!(of(&english), of(&german), "{notice:?}");
    }
    assert_eq!(english.language(), Language::English);
}

#[test]
fn a_mistake_is_told_first_and_at_its_field() {
    let site = site("{ name: Example Bank }", ISSUER, "en");
    let good = login(&site, "ada", Mistakes::default()).render().unwrap();
    assert!(good.contains("<title>Log in – Example Bank</title>"), "{good}");
    assert!(!good.contains("role=\"alert\""), "{good}");
    let wrong = login(&site, "ada", Mistakes::of_form(Mistake::WrongLogin)).render().unwrap();
    assert!(wrong.contains("<title>Error: Log in – Example Bank</title>"), "{wrong}");
    assert!(wrong.contains("role=\"alert\"><p>The address or the password is not right."), "{wrong}");
    let empty = login(&site, "ada", Mistakes::default().at("password", Mistake::Required)).render().unwrap();
    assert!(empty.contains("<p class=\"mistake\" id=\"password-mistake\">Please fill this in.</p>"), "{empty}");
    assert!(empty.contains("aria-invalid=\"true\" aria-describedby=\"password-mistake\""), "{empty}");
    assert_eq!(empty.matches("aria-invalid=").count(), 1, "{empty}");
}

#[test]
fn a_form_keeps_what_was_typed_and_no_field_of_a_password_has_a_value() {
    let site = site("{}", ISSUER, "en");
    let page = login(&site, "ada@example.com", Mistakes::of_form(Mistake::WrongLogin)).render().unwrap();
    assert!(page.contains("autocomplete=\"username\" value=\"ada@example.com\""), "{page}");
    let fields: Vec<_> = page.split("<input ").skip(1).filter_map(|rest| rest.split('>').next()).collect();
    let passwords: Vec<_> = fields.iter().filter(|field| field.contains("type=\"password\"")).collect();
    assert_eq!(passwords.len(), 1);
    assert!(
        passwords.iter().all(|field| !field.contains("value=") && field.contains("autocomplete=\"")),
        "{passwords:?}"
    );
    assert!(fields.contains(&"type=\"hidden\" name=\"form_token\" value=\"token\""), "{page}");
}

#[test]
fn a_page_shows_whose_it_is_and_where_help_is() {
    let looks = "{ name: Example Bank, logo: 'https://cdn.example.com/l.svg', support: 'mailto:help@example.com', privacy: 'https://example.com/p', terms: 'https://example.com/t' }";
    let page = consent(&site(looks, ISSUER, "en"), "Demo").render().unwrap();
    for part in [
        "<img src=\"https://cdn.example.com/l.svg\" alt=\"\"><span>Example Bank</span>",
        "<a href=\"mailto:help@example.com\">Help</a>",
        "<a href=\"https://example.com/p\">Privacy</a>",
        "<a href=\"https://example.com/t\">Terms of use</a>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let bare = consent(&site("{}", ISSUER, "en"), "Demo").render().unwrap();
    assert!(!bare.contains("class=\"brand\"") && !bare.contains("<footer>\n<a"), "{bare}");
}
