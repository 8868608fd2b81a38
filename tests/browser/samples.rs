//! Every page, filled in as users see it.

use gateway_config::Gateway;
use gateway_domain::event::ApiRequest;
use gateway_domain::language::Language;
use gateway_domain::time::{Seconds, Timestamp};
use gateway_web::pages::{
    Account, AppRow, ChangeAddress, ChangePassword, Close, Closing, ConfirmUnlock, Consent, DeviceRow, Failure,
    FieldKind, Forgotten, LogOut, Login, Message, MyApps, MyDevices, MyPasskeys, MySessions, NewPasskey, Notice,
    OwnerProof, PasskeyRow, Profile, ProfileField, Reason, RemovePasskey, Reset, SessionRow, SignUp, Step, TakeBack,
    Unlock, Verify,
};
use gateway_web::{Mistake, Mistakes, Page, Site};
use std::error::Error;
use std::path::{Path, PathBuf};

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
/// What an authenticator is asked.
const PASSKEY: &str =
    r#"{"challenge":"AAAA","rpId":"auth.example.com","allowCredentials":[],"userVerification":"required"}"#;
const HERE: Option<&str> = Some("/account");
const OPTIONS: &str =
    r#"{"rp":{"id":"auth.example.com"},"user":{"id":"AAAA"},"challenge":"AAAA","pubKeyCredParams":[]}"#;

/// Writes every page in every language into the directory: `LANGUAGE/NAME.html`, with the fields of its response in
/// `LANGUAGE/NAME.headers`, one a line.
pub(crate) fn write(directory: &Path) -> Result<(), Box<dyn Error>> {
    let gateway = Gateway::parse(GATEWAY)?;
    let request = ApiRequest::parse(EVENT.as_bytes())?;
    for language in Language::ALL {
        let directory = directory.join(language.tag());
        std::fs::create_dir_all(&directory)?;
        let site = Site::of(&gateway, "https://auth.example.com", &request, Some(language.tag()));
        let samples = Samples { gateway: &gateway, site: &site, directory };
        samples.logins()?;
        samples.log_out()?;
        samples.codes()?;
        samples.accounts()?;
        samples.lists()?;
    }
    Ok(())
}

/// The pages in one language.
struct Samples<'g> {
    gateway: &'g Gateway,
    site: &'g Site,
    directory: PathBuf,
}

impl Samples<'_> {
    fn page(&self, name: &str, page: &impl Page) -> std::io::Result<()> {
        let response = self.site.respond(200, page, &["https://app.example.com/callback"]);
        let fields: String =
            response.headers.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\n");
        std::fs::write(self.directory.join(format!("{name}.headers")), fields)?;
        std::fs::write(self.directory.join(format!("{name}.html")), &response.body)
    }

    fn scopes(&self) -> Vec<&str> {
        let scopes = self.gateway.scopes().into_iter();
        scopes.filter_map(|scope| self.gateway.scope_text(scope, self.site.language())).collect()
    }

    fn logins(&self) -> std::io::Result<()> {
        let site = self.site;
        let login = |username, mistakes| Login {
            site,
            form_token: TOKEN,
            app: Some("Demo App"),
            username,
            systems: Vec::new(),
            passkey: None,
            mistakes,
            forgotten: HERE,
            unlock: None,
            sign_up: HERE,
        };
        self.page("login", &login("", Mistakes::default()))?;
        self.page("login-passkey", &Login { passkey: Some(PASSKEY), ..login("", Mistakes::default()) })?;
        self.page("login-wrong", &login(ADA, Mistakes::of_form(Mistake::WrongLogin)))?;
        let full = Mistakes::of_form(Mistake::ProveByMail(Seconds::new(79_200)));
        self.page("login-full", &Login { unlock: HERE, sign_up: None, ..login(ADA, full) })?;
        let consent = Consent {
            site,
            form_token: TOKEN,
            app: "Demo App",
            returns_to: Some("app.example.com"),
            username: ADA,
            scopes: self.scopes(),
        };
        self.page("consent", &consent)?;
        let detail = Some("redirect_uri is not registered for the client demo-app");
        let failure =
            Failure { site, reason: Reason::UnknownReturnAddress, detail, reference: Some("c6af9ac6-7b61-11e6") };
        self.page("failure", &failure)
    }

    fn log_out(&self) -> std::io::Result<()> {
        self.page("log-out", &LogOut { site: self.site, form_token: TOKEN, username: ADA })
    }

    fn codes(&self) -> std::io::Result<()> {
        let (site, form_token) = (self.site, TOKEN);
        let mistakes = Mistakes::default;
        let verify = |code, password, mistakes| Verify { site, form_token, address: ADA, code, password, mistakes };
        let wrong = mistakes().at("code", Mistake::WrongCode);
        self.page("verify", &verify(Some(""), false, mistakes()))?;
        self.page("verify-wrong", &verify(Some("12345678"), false, wrong))?;
        self.page("verify-link", &verify(None, true, mistakes()))?;
        self.page("forgotten", &Forgotten { site, form_token, email: "", mistakes: mistakes(), log_in: HERE })?;
        let (code, least_password) = (Some(""), 15);
        self.page("reset", &Reset { site, form_token, code, least_password, unchanged: "", mistakes: mistakes() })?;
        self.page("unlock", &Unlock { site, form_token, email: "", mistakes: mistakes(), log_in: HERE })?;
        self.page("unlock-confirm", &ConfirmUnlock { site, form_token, code, mistakes: mistakes() })?;
        self.page("unlock-link", &ConfirmUnlock { site, form_token, code: None, mistakes: mistakes() })?;
        let address = "ada@example.com";
        self.page("take-back", &TakeBack { site, form_token, address, least_password, mistakes: mistakes() })?;
        let next = Some((Step::LogIn, "/account/login"));
        self.page("message", &Message { site, notice: Notice::PasswordChanged, next })
    }

    fn profile<'t>(&self, name: &'t str) -> Vec<ProfileField<'t>> {
        let [name_label, born, telephone, news] = match self.site.language() {
            Language::English => ["Name", "Date of birth", "Telephone", "Send me news by mail"],
            Language::German => ["Name", "Geburtsdatum", "Telefon", "Neuigkeiten per Mail schicken"],
        };
        let field = |id, label, kind, required, typed| ProfileField { id, label, kind, required, typed };
        vec![
            field("name", name_label, FieldKind::Text, true, name),
            field("born", born, FieldKind::Date, false, ""),
            field("telephone", telephone, FieldKind::Telephone, false, ""),
            field("news", news, FieldKind::Boolean, false, "yes"),
        ]
    }

    fn accounts(&self) -> std::io::Result<()> {
        let (site, form_token, account, least_password) = (self.site, TOKEN, HERE, 15);
        let mistakes = Mistakes::default;
        let sign_up = |email, profile, mistakes| SignUp {
            site,
            form_token,
            email,
            profile,
            least_password,
            mistakes,
            log_in: HERE,
        };
        let wrong = mistakes().at("email", Mistake::NoAddress).at("password", Mistake::ShortPassword(15));
        self.page("sign-up", &sign_up("", self.profile(""), mistakes()))?;
        self.page("sign-up-wrong", &sign_up("ada@", self.profile("Ada Lovelace"), wrong))?;
        let profile = self.profile("Ada Lovelace");
        self.page("profile", &Profile { site, form_token, profile, saved: true, mistakes: mistakes(), account })?;
        let late = Mistakes::of_form(Mistake::TooManyAttempts(Seconds::new(90)));
        let change = ChangePassword {
            site,
            form_token,
            current: true,
            least_password,
            unchanged: "Legacy Shop",
            passkeys: None,
            mistakes: late,
            account,
        };
        self.page("change-password", &change)?;
        let (address, email, current) = (ADA, "", true);
        let change = ChangeAddress { site, form_token, address, email, current, mistakes: mistakes(), account };
        self.page("change-address", &change)?;
        for (name, closing) in [("disable", Closing::Disable), ("delete", Closing::Delete)] {
            self.page(name, &Close { site, form_token, closing, mistakes: mistakes(), account })?;
        }
        Ok(())
    }

    fn lists(&self) -> std::io::Result<()> {
        let (site, form_token, account) = (self.site, TOKEN, HERE);
        let menu = Account {
            site,
            form_token,
            username: ADA,
            profile: HERE,
            change_address: HERE,
            change_password: HERE,
            passkeys: HERE,
            sessions: HERE,
            devices: HERE,
            apps: HERE,
            my_data: HERE,
            disable: HERE,
            delete: HERE,
        };
        self.page("account", &menu)?;
        let session = |id, app, device, made, refreshed| SessionRow {
            id,
            app,
            device,
            made: Timestamp::from_secs(made),
            refreshed: Timestamp::from_secs(refreshed),
            current: id == "1",
        };
        let sessions = vec![
            session("1", "Demo App", Some("Ada’s iPhone"), 1_795_600_000, 1_795_680_000),
            session("2", "Demo App", Some("Pixel 12"), 1_794_000_000, 1_795_000_000),
            session("3", "Partner App", None, 1_790_000_000, 1_793_000_000),
        ];
        self.page("my-sessions", &MySessions { site, form_token, sessions, mistake: None, account })?;
        let device = |id, name, linked, used| DeviceRow {
            id,
            app: "Demo App",
            name,
            linked: Timestamp::from_secs(linked),
            used: Timestamp::from_secs(used),
        };
        let devices = vec![
            device("device:1", Some("Ada’s iPhone"), 1_795_600_000, 1_795_680_000),
            device("device:2", None, 1_790_000_000, 1_793_000_000),
        ];
        let (saved, mistakes) = (true, Mistakes::default());
        self.page("my-devices", &MyDevices { site, form_token, devices, saved, mistakes, account })?;
        self.passkeys()?;
        let apps = vec![AppRow { client_id: "partner-app", name: "Partner App", scopes: self.scopes() }];
        self.page("my-apps", &MyApps { site, form_token, apps, mistake: None, account })
    }

    fn passkeys(&self) -> std::io::Result<()> {
        let (site, form_token, account) = (self.site, TOKEN, HERE);
        let passkey = |id, name, synced, added, used: Option<i64>| PasskeyRow {
            id,
            name,
            typed: None,
            synced,
            added: Timestamp::from_secs(added),
            used: used.map(Timestamp::from_secs),
        };
        let passkeys = || {
            vec![
                passkey("1", "iCloud Keychain", true, 1_795_600_000, Some(1_795_680_000)),
                passkey("2", "YubiKey 5", false, 1_790_000_000, None),
            ]
        };
        let page = |proof, mistakes| MyPasskeys {
            site,
            form_token,
            passkeys: passkeys(),
            saved: false,
            proof,
            new: NewPasskey::By(OPTIONS),
            mistakes,
            account,
        };
        self.page("my-passkeys", &page(OwnerProof::Given, Mistakes::default()))?;
        let wrong = Mistakes::default().at("current_password", Mistake::WrongPassword);
        self.page("my-passkeys-proof", &page(OwnerProof::ByPassword("/account/log-in"), wrong))?;
        let last = RemovePasskey { site, form_token, name: "YubiKey 5", mistakes: Mistakes::default(), back: HERE };
        self.page("remove-passkey", &last)
    }
}
