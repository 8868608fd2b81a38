//! Writes every page as a file of HTML into a directory, for pictures of them and for checks with a browser:
//! `cargo run -p gateway-web --example pages -- DIRECTORY`.

use gateway_config::Gateway;
use gateway_domain::event::ApiRequest;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_web::pages::{
    Account, AppRow, ChangeAddress, ChangePassword, Close, Closing, Consent, Failure, FieldKind, Forgotten, Login,
    Message, MyApps, MySessions, Notice, Profile, ProfileField, Reason, Reset, SessionRow, SignUp, Step, Verify,
};
use gateway_web::{Mistake, Mistakes, Page, Site};
use std::error::Error;
use std::path::Path;

const GATEWAY: &str = r"
pages:
  name: Example Bank
  logo: data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA0MCA0MCI+PHJlY3Qgd2lkdGg9IjQwIiBoZWlnaHQ9IjQwIiByeD0iMTAiIGZpbGw9IiMxZjRmOGYiLz48cGF0aCBkPSJNMTAgMjhWMTRsMTAtNiAxMCA2djE0IiBmaWxsPSJub25lIiBzdHJva2U9IiNmZmYiIHN0cm9rZS13aWR0aD0iMyIvPjwvc3ZnPg==
  support: mailto:help@example.com
  privacy: https://www.example.com/privacy
  terms: https://www.example.com/terms
scopes:
  orders:read: { en: See your orders, de: Ihre Bestellungen sehen }
  orders:write: { en: Place orders in your name, de: In Ihrem Namen bestellen }
plans: { standard: { calls: 60, window: 1m } }
apis:
  orders:
    back_end: https://orders.example.com
    routes: [{ path: /orders, methods: { GET: [orders:read], POST: [orders:write] } }]
";
const EVENT: &str = r#"{ "version": "2.0", "rawPath": "/", "requestContext": { "http": { "method": "GET" } } }"#;
const ADA: &str = "ada@example.com";
const TOKEN: &str = "ZmFrZQ";
const HERE: Option<&str> = Some("/account");

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("write the directory")?;
    let gateway = Gateway::parse(GATEWAY)?;
    let request = ApiRequest::parse(EVENT.as_bytes())?;
    for tag in ["en", "de"] {
        let directory = Path::new(&directory).join(tag);
        std::fs::create_dir_all(&directory)?;
        let site = Site::of(&gateway, "https://auth.example.com", &request, Some(tag));
        let write = |name: &str, body: &[u8]| std::fs::write(directory.join(format!("{name}.html")), body);
        logins(&gateway, &site, &write)?;
        codes(&site, &write)?;
        accounts(&gateway, &site, &write)?;
    }
    Ok(())
}

type Write<'w> = dyn Fn(&str, &[u8]) -> std::io::Result<()> + 'w;

fn page(site: &Site, page: &impl Page) -> Vec<u8> {
    site.respond(200, page, &[]).body.to_vec()
}

fn scopes<'g>(gateway: &'g Gateway, site: &Site) -> Vec<&'g str> {
    gateway.scopes().iter().filter_map(|scope| gateway.scope_text(scope, site.language())).collect()
}

fn logins(gateway: &Gateway, site: &Site, write: &Write<'_>) -> std::io::Result<()> {
    let login = |username, mistakes| Login {
        site,
        form_token: TOKEN,
        app: Some("Demo App"),
        username,
        mistakes,
        forgotten: HERE,
        sign_up: HERE,
    };
    write("login", &page(site, &login("", Mistakes::default())))?;
    write("login-wrong", &page(site, &login(ADA, Mistakes::of_form(Mistake::WrongLogin))))?;
    let consent = Consent {
        site,
        form_token: TOKEN,
        app: "Demo App",
        returns_to: Some("app.example.com"),
        username: ADA,
        scopes: scopes(gateway, site),
        another_account: HERE,
    };
    write("consent", &page(site, &consent))?;
    let detail = Some("redirect_uri is not registered for the client demo-app");
    let failure = Failure { site, reason: Reason::UnknownReturnAddress, detail, reference: Some("c6af9ac6-7b61-11e6") };
    write("failure", &page(site, &failure))
}

fn codes(site: &Site, write: &Write<'_>) -> std::io::Result<()> {
    let verify = |code, password, mistakes| Verify { site, form_token: TOKEN, address: ADA, code, password, mistakes };
    let wrong = Mistakes::default().at("code", Mistake::WrongCode);
    write("verify", &page(site, &verify(Some(""), false, Mistakes::default())))?;
    write("verify-wrong", &page(site, &verify(Some("12345678"), false, wrong)))?;
    write("verify-link", &page(site, &verify(None, true, Mistakes::default())))?;
    let mistakes = Mistakes::default();
    write("forgotten", &page(site, &Forgotten { site, form_token: TOKEN, email: "", mistakes, log_in: HERE }))?;
    let mistakes = Mistakes::default();
    write("reset", &page(site, &Reset { site, form_token: TOKEN, code: Some(""), least_password: 15, mistakes }))?;
    let next = Some((Step::LogIn, "/account/login"));
    write("message", &page(site, &Message { site, notice: Notice::PasswordChanged, next }))
}

fn profile(typed: &str) -> Vec<ProfileField<'_>> {
    let field = |id, label, kind, required, typed| ProfileField { id, label, kind, required, typed };
    vec![
        field("name", "Name", FieldKind::Text, true, typed),
        field("born", "Date of birth", FieldKind::Date, false, ""),
        field("phone", "Telephone", FieldKind::Telephone, false, ""),
        field("news", "Send me news by mail", FieldKind::Boolean, false, "yes"),
    ]
}

fn accounts(gateway: &Gateway, site: &Site, write: &Write<'_>) -> std::io::Result<()> {
    let sign_up = |email, profile, mistakes| SignUp {
        site,
        form_token: TOKEN,
        email,
        profile,
        least_password: 15,
        mistakes,
        log_in: HERE,
    };
    let wrong = Mistakes::default().at("email", Mistake::NoAddress).at("password", Mistake::ShortPassword(15));
    write("sign-up", &page(site, &sign_up("", profile(""), Mistakes::default())))?;
    write("sign-up-wrong", &page(site, &sign_up("ada@", profile("Ada Lovelace"), wrong)))?;
    let account = Account {
        site,
        form_token: TOKEN,
        username: ADA,
        profile: HERE,
        change_address: HERE,
        change_password: HERE,
        sessions: HERE,
        apps: HERE,
        my_data: HERE,
        disable: HERE,
        delete: HERE,
    };
    write("account", &page(site, &account))?;
    let mistakes = Mistakes::default();
    let fields = profile("Ada Lovelace");
    let profile = Profile { site, form_token: TOKEN, profile: fields, saved: true, mistakes, account: HERE };
    write("profile", &page(site, &profile))?;
    let mistakes = Mistakes::of_form(Mistake::TooManyAttempts(Seconds::new(90)));
    let change = ChangePassword { site, form_token: TOKEN, current: true, least_password: 15, mistakes, account: HERE };
    write("change-password", &page(site, &change))?;
    let mistakes = Mistakes::default();
    let change =
        ChangeAddress { site, form_token: TOKEN, address: ADA, email: "", current: true, mistakes, account: HERE };
    write("change-address", &page(site, &change))?;
    let session = |id, app, device, made, refreshed, current| SessionRow {
        id,
        app,
        device,
        made: Timestamp::from_secs(made),
        refreshed: Timestamp::from_secs(refreshed),
        current,
    };
    let sessions = vec![
        session("1", "Demo App", Some("Ada’s iPhone"), 1_795_600_000, 1_795_680_000, true),
        session("2", "Demo App", Some("Pixel 12"), 1_794_000_000, 1_795_000_000, false),
        session("3", "Partner App", None, 1_790_000_000, 1_793_000_000, false),
    ];
    write("my-sessions", &page(site, &MySessions { site, form_token: TOKEN, sessions, account: HERE }))?;
    let apps = vec![AppRow { client_id: "partner-app", name: "Partner App", scopes: scopes(gateway, site) }];
    write("my-apps", &page(site, &MyApps { site, form_token: TOKEN, apps, account: HERE }))?;
    for (name, closing) in [("disable", Closing::Disable), ("delete", Closing::Delete)] {
        let mistakes = Mistakes::default();
        write(name, &page(site, &Close { site, form_token: TOKEN, closing, mistakes, account: HERE }))?;
    }
    Ok(())
}
