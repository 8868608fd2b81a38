//! Every page, by what it may and must contain.

use super::my_passkeys::ADD_PASSKEY;
use super::*;
use crate::site::tests::{ISSUER, site};
use crate::{Mistake, Mistakes, Page, Site};
use askama::Template as _;
use gateway_domain::language::Language;
use gateway_domain::time::Timestamp;

/// A text that ends any element and attribute that it stands in.
const EVIL: &str = "\"'></title></style><script>alert(1)</script>&{{ 7 * 7 }}";

fn login<'a>(site: &'a Site, username: &'a str, mistakes: Mistakes) -> Login<'a> {
    Login {
        site,
        form_token: "token",
        app: None,
        username,
        mistakes,
        systems: vec![],
        passkey: None,
        forgotten: None,
        unlock: None,
        sign_up: None,
    }
}

fn consent<'a>(site: &'a Site, app: &'a str) -> Consent<'a> {
    Consent { site, form_token: "token", app, returns_to: None, username: "ada", scopes: vec!["See"] }
}

/// What is wrong everywhere, in the words of others.
fn wrong(text: &str) -> Mistakes {
    let form = Mistakes::of_form(Mistake::RefusedBy(text.to_owned()));
    ["username", "email", "code", "new_password", "current_password", "profile_a", text]
        .into_iter()
        .fold(form, |mistakes, field| mistakes.at(field, Mistake::KnownPassword(text.to_owned())))
}

/// The pages of passkeys, in each of their states.
fn pages_of_passkeys(site: &Site, text: &str) -> Vec<askama::Result<String>> {
    let (time, form_token, account, url) = (Timestamp::from_secs(0), text, Some(text), Some(text));
    let wrong = || wrong(text);
    let passkey = || PasskeyRow { id: text, name: text, typed: url, synced: true, added: time, used: Some(time) };
    let unused = || PasskeyRow { typed: None, synced: false, used: None, ..passkey() };
    let passkeys = |proof, new| MyPasskeys {
        site,
        form_token,
        passkeys: vec![passkey(), unused()],
        saved: true,
        proof,
        new,
        mistakes: wrong().at(MyPasskeys::field(1), Mistake::Required),
        account,
    };
    vec![
        passkeys(OwnerProof::Given, NewPasskey::By(text)).render(),
        passkeys(OwnerProof::Given, NewPasskey::Full).render(),
        passkeys(OwnerProof::Given, NewPasskey::Never(NoNewPasskey::OfAccount)).render(),
        passkeys(OwnerProof::ByLogin(text), NewPasskey::Later).render(),
        passkeys(OwnerProof::ByPassword(text), NewPasskey::By(text)).render(),
        passkeys(OwnerProof::ByLogin(text), NewPasskey::By(text)).render(),
        RemovePasskey { site, form_token, name: text, mistakes: wrong(), back: url }.render(),
    ]
}

/// Every page, with this text wherever a text of others can stand.
fn every_page(site: &Site, text: &str) -> Vec<String> {
    let url = Some(text);
    let wrong = || wrong(text);
    let kinds = [FieldKind::Text, FieldKind::Date, FieldKind::Telephone, FieldKind::Boolean];
    let profile = || kinds.map(|kind| ProfileField { id: "a", label: text, kind, required: true, typed: text }).into();
    let (time, form_token, account, least_password) = (Timestamp::from_secs(0), text, url, 15);
    let session = || SessionRow { id: text, app: text, device: url, made: time, refreshed: time, current: true };
    let device = || DeviceRow { id: text, app: text, name: url, linked: time, used: time };
    let close = |closing| Close { site, form_token, closing, mistakes: wrong(), account };
    let rendered = vec![
        Login {
            app: url,
            form_token,
            systems: vec![System { name: text, label: text, optional: true }],
            forgotten: url,
            unlock: url,
            sign_up: url,
            ..login(site, text, wrong())
        }
        .render(),
        Consent { returns_to: url, username: text, scopes: vec![text], ..consent(site, text) }.render(),
        Failure { site, reason: Reason::UnknownApp, detail: url, reference: url }.render(),
        Message { site, notice: Notice::LoggedOut, next: Some((Step::LogIn, text)) }.render(),
        LogOut { site, form_token, username: text }.render(),
        SignUp { site, form_token, email: text, profile: profile(), least_password, mistakes: wrong(), log_in: url }
            .render(),
        Verify { site, form_token, address: text, code: url, password: true, mistakes: wrong() }.render(),
        Verify { site, form_token, address: text, code: None, password: false, mistakes: wrong() }.render(),
        Forgotten { site, form_token, email: text, mistakes: wrong(), log_in: url }.render(),
        Reset { site, form_token, code: url, least_password, unchanged: text, mistakes: wrong() }.render(),
        Unlock { site, form_token, email: text, mistakes: wrong(), log_in: url }.render(),
        ConfirmUnlock { site, form_token, code: url, mistakes: wrong() }.render(),
        ConfirmUnlock { site, form_token, code: None, mistakes: wrong() }.render(),
        TakeBack { site, form_token, address: text, least_password, mistakes: wrong() }.render(),
        ChangePassword {
            site,
            form_token,
            current: true,
            least_password,
            unchanged: text,
            passkeys: url,
            mistakes: wrong(),
            account,
        }
        .render(),
        ChangeAddress { site, form_token, address: text, email: text, current: true, mistakes: wrong(), account }
            .render(),
        Profile { site, form_token, profile: profile(), saved: true, mistakes: wrong(), account }.render(),
        close(Closing::Disable).render(),
        close(Closing::Delete).render(),
        MySessions {
            site,
            form_token,
            sessions: vec![session(), session()],
            mistake: Some(Mistake::KnownPassword(text.to_owned())),
            account,
        }
        .render(),
        MyDevices {
            site,
            form_token,
            devices: vec![device(), device()],
            saved: true,
            mistakes: wrong().at(MyDevices::field(1), Mistake::Required),
            account,
        }
        .render(),
        MyApps {
            site,
            form_token,
            apps: vec![AppRow { client_id: text, name: text, scopes: vec![text] }],
            mistake: None,
            account,
        }
        .render(),
        Account {
            site,
            form_token,
            username: text,
            profile: url,
            change_address: url,
            change_password: url,
            passkeys: url,
            sessions: url,
            devices: url,
            apps: url,
            my_data: url,
            disable: url,
            delete: url,
        }
        .render(),
    ];
    // A script that is the page's own has a hash in its policy, and holds nothing that others wrote.
    let own = format!("<script>{ADD_PASSKEY}</script>");
    rendered.into_iter().chain(pages_of_passkeys(site, text)).map(|page| page.unwrap().replace(&own, "")).collect()
}

/// The parts of a text between two others.
fn between<'t>(text: &'t str, from: &'t str, to: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(from).skip(1).filter_map(move |rest| rest.split(to).next())
}

/// Abuse case J5.
#[test]
fn what_others_wrote_is_escaped() {
    let site = site(&format!("{{ name: \"{}\" }}", "<script>'\\\"&"), ISSUER, "en");
    for page in every_page(&site, EVIL) {
        assert!(!page.contains("<script"), "{page}");
        assert_eq!((page.matches("</style>").count(), page.matches("</title>").count()), (2, 1), "{page}");
        let (_, body) = page.split_once("</head>").unwrap();
        // Each attribute of ours has its value in double quotes: an odd number of them would be one of theirs.
        assert!(between(body, "<", ">").all(|tag| tag.matches('"').count() % 2 == 0), "{page}");
        assert!(!body.contains("alert(1)</"), "{page}");
    }
}

#[test]
fn a_page_has_no_script_no_style_of_its_own_and_one_target_of_its_form() {
    for page in every_page(&site("{}", ISSUER, "de"), "x") {
        let (_, body) = page.split_once("</head>").unwrap();
        for tag in between(body, "<", ">") {
            for banned in ["script", "style", "iframe", "object"] {
                assert!(!tag.starts_with(banned), "{tag}");
            }
            for banned in [" on", " style=", " action=", " formaction=", " target="] {
                assert!(!tag.contains(banned), "{tag}");
            }
        }
        let forms = page.matches("<form method=\"post\"").count();
        assert_eq!(page.matches("name=\"form_token\"").count(), forms, "{page}");
        assert_eq!(page.matches("<form").count(), forms, "{page}");
    }
}

/// Without scripts, or where the browser knows no passkeys, nothing shows that there are any.
#[test]
fn the_login_form_asks_for_a_passkey_by_one_script_of_ours() {
    let site = site("{}", ISSUER, "de");
    let with = |passkey| Login { passkey, ..login(&site, "", Mistakes::default()) };
    let page = with(Some(EVIL)).render().unwrap();
    let (before, script) = page.split_once("<script>").unwrap();
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert_eq!(script.split("</script>").next(), with(Some("x")).script(), "what is asked is no part of the script");
    assert!(before.contains("id=\"passkey-form\" hidden data-options=\""), "{before}");
    assert!(before.contains("autocomplete=\"username webauthn\""), "{before}");
    assert!(before.contains("<p class=\"told\" id=\"passkey-told\" role=\"alert\"></p>"), "{before}");
    assert!(before.contains("Mit Passkey anmelden") && !before.contains("alert(1)</"), "{before}");
    let without = with(None).render().unwrap();
    assert!(!without.contains("passkey") && !without.contains("webauthn"), "{without}");
    assert_eq!(with(None).script(), None);
    let policy = |passkey| {
        let response = site.respond(200, &with(passkey), &[]);
        response.header_values("Content-Security-Policy").next().unwrap().to_owned()
    };
    assert!(policy(Some("x")).contains("script-src 'sha256-") && !policy(Some("x")).contains("unsafe"));
    assert!(!policy(None).contains("script-src"));
}

#[test]
fn every_field_has_a_label_and_says_what_fills_it_in() {
    for page in every_page(&site("{}", ISSUER, "en"), "x") {
        for field in between(&page, "<input ", ">").filter(|field| !field.contains("type=\"hidden\"")) {
            let id = between(field, "id=\"", "\"").next().unwrap_or_default();
            let labelled =
                page.contains(&format!("<label for=\"{id}\">")) || page.contains(&format!("<label><input id=\"{id}\""));
            assert!(labelled, "{field}");
            assert!(field.contains("type=\"checkbox\"") || field.contains("autocomplete=\""), "{field}");
            for described in between(field, "aria-describedby=\"", "\"").flat_map(|ids| ids.split(' ')) {
                assert!(page.contains(&format!(" id=\"{described}\"")), "{described} of {field}");
            }
        }
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
    assert!(wrong.contains("role=\"alert\">\n<p>The address or the password is not right."), "{wrong}");
    let empty = login(&site, "ada", Mistakes::default().at("password", Mistake::Required)).render().unwrap();
    assert!(empty.contains("<p class=\"mistake\" id=\"password-mistake\">Please fill this in.</p>"), "{empty}");
    assert!(empty.contains("aria-describedby=\"password-mistake\" aria-invalid=\"true\""), "{empty}");
    assert_eq!(empty.matches("aria-invalid=").count(), 1, "{empty}");
}

#[test]
fn a_form_keeps_what_was_typed_and_no_field_of_a_password_has_a_value() {
    let mut passwords = 0;
    for page in every_page(&site("{}", ISSUER, "en"), "typed") {
        for field in between(&page, "<input ", ">") {
            let hidden = field.contains("type=\"hidden\"");
            let kept = hidden || field.contains("value=\"typed\"") || field.contains("type=\"checkbox\"");
            assert_ne!(kept, field.contains("type=\"password\""), "{field}");
            passwords += usize::from(!kept && !field.contains(" value="));
        }
    }
    assert_eq!(passwords, 12);
}

#[test]
fn a_mistake_in_the_name_of_a_device_is_told_at_that_device() {
    let site = site("{}", ISSUER, "en");
    let time = Timestamp::from_secs(0);
    let device = |id| DeviceRow { id, app: "Demo", name: Some(""), linked: time, used: time };
    let mistakes = Mistakes::default().at(MyDevices::field(1), Mistake::Required);
    let (devices, account) = (vec![device("device:1"), device("device:2")], None);
    let page =
        MyDevices { site: &site, form_token: "token", devices, saved: false, mistakes, account }.render().unwrap();
    assert!(
        page.contains("<p class=\"one\"><a href=\"#name-1\">Name of the device</a>: Please fill this in.</p>"),
        "{page}"
    );
    let marked: Vec<_> =
        between(&page, "<input ", ">").filter(|field| field.contains("aria-invalid=\"true\"")).collect();
    assert_eq!((marked.len(), marked[0].contains("id=\"name-1\"")), (1, true), "{page}");
    assert_eq!((page.matches("value=\"device:").count(), page.matches("name=\"revoke\"").count()), (2, 2), "{page}");
}

#[test]
fn a_script_makes_a_passkey_on_the_page_that_adds_one_and_only_after_the_proof() {
    let site = site("{}", ISSUER, "en");
    let page = |proof, new| MyPasskeys {
        site: &site,
        form_token: "token",
        passkeys: vec![],
        saved: false,
        proof,
        new,
        mistakes: Mistakes::default(),
        account: None,
    };
    let options = NewPasskey::By("{\"challenge\":\"AAAA\"}");
    let adds = page(OwnerProof::Given, options);
    let text = adds.render().unwrap();
    assert_eq!(adds.script(), Some(ADD_PASSKEY));
    assert!(text.contains(&format!("<script>{ADD_PASSKEY}</script>")) && !ADD_PASSKEY.contains("</"), "{text}");
    assert!(
        text.contains("data-options=\"{&#34;challenge&#34;:&#34;AAAA&#34;}\"") && text.contains(" hidden>"),
        "{text}"
    );
    let log_in = "/account/log-in";
    for (proof, new) in [
        (OwnerProof::Given, NewPasskey::Full),
        (OwnerProof::Given, NewPasskey::Never(NoNewPasskey::OfAccount)),
        (OwnerProof::ByPassword(log_in), NewPasskey::Later),
        (OwnerProof::ByPassword(log_in), options),
        (OwnerProof::ByLogin(log_in), options),
    ] {
        let page = page(proof, new);
        let text = page.render().unwrap();
        assert!(page.script().is_none() && !text.contains("<script") && !text.contains("data-options"), "{text}");
        assert_eq!(text.contains("type=\"password\""), matches!(proof, OwnerProof::ByPassword(_)), "{text}");
        assert_eq!(text.contains(log_in), !matches!(proof, OwnerProof::Given), "{text}");
        assert_eq!(text.contains("there can be no more"), matches!(new, NewPasskey::Full), "{text}");
    }
}

#[test]
fn who_can_add_no_passkey_is_told_why() {
    for language in ["en", "de"] {
        let site = site("{}", ISSUER, language);
        let told = |new| {
            let (form_token, passkeys, mistakes) = ("token", vec![], Mistakes::default());
            let proof = OwnerProof::Given;
            MyPasskeys { site: &site, form_token, passkeys, saved: false, proof, new, mistakes, account: None }
                .render()
                .unwrap()
        };
        let without = told(NewPasskey::Later);
        let reasons = [NoNewPasskey::Unproved, NoNewPasskey::OfAccount, NoNewPasskey::Unavailable];
        let all = reasons.map(|reason| told(NewPasskey::Never(reason)));
        for page in &all {
            assert!(page.len() > without.len() + 50 && !page.contains("<form"), "{page}");
        }
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
    }
}

#[test]
fn a_mistake_in_the_name_of_a_passkey_is_told_at_that_passkey() {
    let site = site("{}", ISSUER, "en");
    let time = Timestamp::from_secs(0);
    let passkey = |id, typed| PasskeyRow { id, name: "Phone", typed, synced: true, added: time, used: None };
    let page = MyPasskeys {
        site: &site,
        form_token: "token",
        passkeys: vec![passkey("one", None), passkey("other", Some(""))],
        saved: false,
        proof: OwnerProof::ByPassword("/account/log-in"),
        new: NewPasskey::Later,
        mistakes: Mistakes::default().at(MyPasskeys::field(1), Mistake::Required),
        account: None,
    };
    let page = page.render().unwrap();
    let told = "<p class=\"one\"><a href=\"#name-1\">Name of the passkey</a>: Please fill this in.</p>";
    assert!(page.contains(told), "{page}");
    let marked: Vec<_> =
        between(&page, "<input ", ">").filter(|field| field.contains("aria-invalid=\"true\"")).collect();
    assert_eq!((marked.len(), marked[0].contains("id=\"name-1\"")), (1, true), "{page}");
    assert!(!page.contains("name=\"remove\""), "before the proof nothing is removed: {page}");
}

#[test]
fn a_mistake_at_no_field_of_the_form_is_told_above_it() {
    let site = site("{}", ISSUER, "en");
    let page = login(&site, "ada", Mistakes::default().at("code", Mistake::WrongCode)).render().unwrap();
    assert!(page.contains("<p class=\"one\">This code is not right or no longer valid.</p>"), "{page}");
}

#[test]
fn a_box_is_ticked_as_it_was() {
    let site = site("{}", ISSUER, "en");
    let page = |typed| {
        let field = ProfileField { id: "news", label: "News", kind: FieldKind::Boolean, required: false, typed };
        let (mistakes, account, profile) = (Mistakes::default(), None, vec![field]);
        Profile { site: &site, form_token: "token", profile, saved: false, mistakes, account }.render().unwrap()
    };
    assert!(page("yes").contains("name=\"profile_news\" type=\"checkbox\" value=\"yes\" checked>"), "{}", page("yes"));
    assert!(page("").contains("name=\"profile_news\" type=\"checkbox\" value=\"yes\">"), "{}", page(""));
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
