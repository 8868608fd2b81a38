use super::*;
use crate::session::{Decision, Family, Holder, ReusePolicy, judge};
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const OURS: &str = "https://auth.example.com";
const POLICY: ReusePolicy = ReusePolicy { window: Seconds::new(300), late: Seconds::new(600) };
const DAY: Seconds = Seconds::new(86_400);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn jwt_of(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({ "alg": "HS512" })), part(claims))
}

fn issuer(name: &str) -> IssuerName {
    IssuerName::parse(name).unwrap()
}

fn traded() -> Traded {
    Traded {
        user_id: UserId::parse("u_ada").unwrap(),
        client_id: ClientId::parse("app").unwrap(),
        sid: SessionId::from_random([1; 16]),
        ends: at(1_000),
        credential_epoch: 1,
    }
}

/// Abuse case N1: what is ours is no token of another issuer, also where it is malformed, forged or of another kind.
#[test]
fn what_is_ours_goes_to_no_other_issuer() {
    let foreign = |text: &str| ForeignRefreshToken::of(text, OURS).is_some();
    for ours in [
        "mgr_",
        "mgr_x",
        "mgr_a.1.b",
        "mgc_abc",
        "mga_abc",
        "mgd_abc.1.x",
        "mgs_ab",
        "mgt_ab",
        &jwt_of(&json!({ "iss": OURS })),
    ] {
        assert!(!foreign(ours), "{ours}");
    }
    for odd in ["", "a\nb", "caf\u{e9}", &"x".repeat(8_193)] {
        assert!(!foreign(odd), "{odd}");
    }
    for other in
        ["x", "v1.MjQ", "0.AAA", &jwt_of(&json!({ "iss": "https://sso.example" })), &"x".repeat(8_192), "a.b.c"]
    {
        assert!(foreign(other), "{other}");
    }
}

/// Abuse case N1: a prefix that somebody adds is added to those that are ours.
#[test]
fn every_prefix_that_the_gateway_gives_out_is_ours() {
    fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["target", "tests"].contains(&name) {
                rust_files(&path, files);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                files.push(path);
            }
        }
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["shared", "functions", "infra"] {
        rust_files(&workspace.join(folder), &mut files);
    }
    let mut found = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let after = text.split("\"mg").skip(1).filter(|rest| rest.as_bytes().get(1) == Some(&b'_'));
        found.extend(after.map(|rest| format!("mg{}", &rest[..2])));
    }
    let listed = refresh_token::OURS.map(str::to_owned);
    assert_eq!(found, BTreeSet::from(listed));
}

/// Abuse case N6: an issuer that decodes leniently takes many spellings of a JWT; here it has one, so that it has one record.
#[test]
fn a_jwt_has_one_spelling() {
    let foreign = |text: &str| ForeignRefreshToken::of(text, OURS).is_some();
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let (header, claims) =
        (part(&json!({ "alg": "HS512" })), part(&json!({ "iss": "https://sso.example", "n": "~~?" })));
    // Sixty-four bytes, of which some give `-` and `_`, and whose last letter has four bits that mean nothing.
    let signature = URL_SAFE_NO_PAD.encode([0xfb, 0xff].repeat(32));
    assert!(signature.contains('-') && signature.contains('_') && signature.ends_with('w'), "{signature}");
    let whole = format!("{header}.{claims}.{signature}");
    assert!(foreign(&whole), "the twin");
    let most = &signature[..signature.len() - 1];
    for spelling in [
        format!("{header}.{claims}.{}", signature.replace('-', "+")),
        format!("{header}.{claims}.{}", signature.replace('_', "/")),
        format!("{whole}="),
        format!("{whole}=="),
        format!("{header}.{claims}.{most}x"),
        format!("{header}.{claims}.{most} w"),
        format!("{whole} "),
        format!(" {whole}"),
        format!("{whole}."),
        format!("{whole}.."),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}==.{signature}"),
        format!("{header}.{claims}"),
    ] {
        assert!(!foreign(&spelling), "{spelling}");
    }
    // One that is encrypted has five parts, of which the key may be empty.
    let encrypted = format!("{header}..{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode([1; 12]));
    assert!(foreign(&encrypted));
    assert!(!foreign(&format!("{encrypted}==")) && !foreign(&format!("{encrypted}.")));
    // What is no JWT is spelled as its issuer likes.
    for opaque in ["a+b/c==", "v1.a+b/c==", "rt-1.x", "1//0a+b.c==", &STANDARD.encode(r#"{"id":"~~?"}"#)] {
        assert!(foreign(opaque), "{opaque}");
    }
}

#[test]
fn a_record_is_of_one_token_of_one_issuer() {
    let token = |text| ForeignRefreshToken::of(text, OURS).unwrap();
    let key = token("x").record(&issuer("sso"));
    assert_eq!(key, token("x").record(&issuer("sso")));
    assert_ne!(key, token("y").record(&issuer("sso")));
    assert_ne!(key, token("x").record(&issuer("old")));
    assert_eq!(key.as_str().len(), 64);
}

#[test]
fn an_answer_opens_for_its_own_record_alone() {
    let json = json!({ "current": "k", "keys": { "k": STANDARD.encode([1; 32]) } });
    let keys = SealingKeys::parse(&json.to_string()).unwrap();
    let key = |text| ForeignRefreshToken::of(text, OURS).unwrap().record(&issuer("sso"));
    let sealed = keys.seal_answer(&key("x"), [9; 12], b"answer").unwrap();
    assert_eq!(keys.open_answer(&key("x"), &sealed).unwrap().as_slice(), b"answer");
    assert_eq!(keys.open_answer(&key("y"), &sealed), Err(CannotOpen));
}

/// Abuse case N5: of many at once one asks, and what was answered is asked again by nobody.
#[test]
fn one_request_asks_and_the_others_go_on_from_what_it_left() {
    let sealed = SealedToken::parse("k.x");
    let record = |leased_until, progress| TradeIn { leased_until, progress };
    assert_eq!(next(None, at(0)), Next::Ask);
    let asked = record(Some(at(30)), Progress::Asked);
    assert_eq!(next(Some(&asked), at(29)), Next::Wait);
    assert_eq!(next(Some(&asked), at(30)), Next::Ask, "whoever asked is gone");
    assert_eq!(next(Some(&record(None, Progress::Asked)), at(0)), Next::Ask, "it was refused, or nobody answered");
    let answered = record(Some(at(30)), Progress::Answered(sealed.clone()));
    assert_eq!(next(Some(&answered), at(29)), Next::Wait);
    assert_eq!(next(Some(&answered), at(30)), Next::Identify(&sealed));
    let served = record(Some(at(30)), Progress::Traded(traded()));
    assert_eq!(next(Some(&served), at(0)), Next::Serve(&traded()), "a session begins once, however many begin it");
}

/// Abuse case N6: a thief with the old token is treated as one with a refresh token of ours that was used.
#[test]
fn a_repetition_is_judged_as_that_of_a_refresh_token() {
    let family = Family::traded_in(Some("h".to_owned()), at(100), DAY, DAY);
    let judged = |family: &Family, attempt, seconds| judge(None, family, shown(attempt, None), POLICY, at(seconds));
    assert_eq!(judged(&family, None, 400), Decision::Replay);
    assert_eq!(judged(&family, None, 401), Decision::Refuse);
    assert_eq!(judged(&family, None, 1_001), Decision::Revoke);
    assert_eq!(judged(&family, Some("h"), 50_000), Decision::Replay, "the app repeats its own attempt at any time");
    assert_eq!(judged(&family, Some("h"), 100 + 86_400), Decision::Refuse, "the session is over");
    let refreshed = family.rotated(None, DAY, at(200));
    assert_eq!(judged(&refreshed, None, 200), Decision::Refuse, "its successor was used");
    assert_eq!(judged(&refreshed, Some("h"), 5_000), Decision::Refuse, "a late copy of a repetition");
    assert_eq!(judged(&refreshed, Some("x"), 5_000), Decision::Revoke);
}

#[test]
fn whoever_has_the_key_gets_the_session_at_any_time_and_nobody_else_does() {
    let key = |letter: &str| Thumbprint::parse(&format!("{}A", letter.repeat(42))).unwrap();
    let (ours, other) = (key("A"), key("B"));
    let family = Family::traded_in(None, at(100), DAY, DAY);
    let holder = Holder::from_begin(ours.clone());
    let judged = |key, seconds| judge(Some(&holder), &family, shown(None, key), POLICY, at(seconds));
    for seconds in [100, 401, 50_000] {
        assert_eq!(judged(Some(&ours), seconds), Decision::Replay, "{seconds}");
    }
    for key in [None, Some(&other)] {
        assert_eq!(judged(key, 101), Decision::Refuse);
        assert_eq!(judged(key, 1_001), Decision::Revoke, "somebody has bound it who may be a thief");
    }
}

proptest! {
    #[test]
    fn nothing_is_asked_while_somebody_works_or_after_it_was_answered(
        leased in proptest::option::of(0_i64..100), now in 0_i64..100, state in 0_u8..3,
    ) {
        let progress = match state {
            0 => Progress::Asked,
            1 => Progress::Answered(SealedToken::parse("k.x")),
            _ => Progress::Traded(traded()),
        };
        let record = TradeIn { leased_until: leased.map(at), progress };
        let next = next(Some(&record), at(now));
        let is_held = leased.is_some_and(|until| now < until);
        prop_assert_eq!(next == Next::Ask, state == 0 && !is_held);
        prop_assert_eq!(matches!(next, Next::Identify(_)), state == 1 && !is_held);
        prop_assert_eq!(matches!(next, Next::Serve(_)), state == 2);
    }

    #[test]
    fn no_text_of_ours_is_taken_for_a_foreign_one(prefix in "mg[rcadst]_", rest in "[ -~]{0,80}") {
        let text = format!("{prefix}{rest}");
        prop_assert!(ForeignRefreshToken::of(&text, OURS).is_none());
    }
}
