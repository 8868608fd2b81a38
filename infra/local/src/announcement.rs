//! The text that is printed once everything runs: addresses, apps, users, and commands to try.

use std::fmt::Write as _;

use gateway_local::stack::Running;
use gateway_store::AppKind;

/// The text. The commands use apps and users of the demo, so they are left out if another seed is used.
pub(crate) fn text(running: &Running, demo: bool) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write(&mut text, running, demo);
    text
}

fn write(text: &mut String, running: &Running, demo: bool) -> std::fmt::Result {
    writeln!(text, "\nGateway      {}", running.base_url())?;
    writeln!(text, "DynamoDB     {}", running.dynamodb_url())?;
    writeln!(text, "Secrets      {}", running.secrets_url())?;
    writeln!(text, "Lambda       {}", running.lambda_url())?;
    writeln!(text, "Back end     {}", running.legacy_url())?;
    writeln!(text, "Mail         {}", running.outbox_url())?;
    writeln!(text, "Log          {}", running.log_file().display())?;
    writeln!(text, "\nApps")?;
    for (id, app) in &running.seed().apps {
        let kind = match app.kind {
            AppKind::Public => "public",
            AppKind::Confidential => "confidential",
        };
        let trust = if app.trusted { "trusted" } else { "not trusted" };
        write!(text, "  {:<14} {kind}, {trust}", id.as_str())?;
        match running.client_secret(id.as_str()) {
            Some(secret) => writeln!(text, ", secret {secret}")?,
            None => writeln!(text)?,
        }
    }
    writeln!(text, "\nUsers")?;
    for user in &running.seed().users {
        writeln!(text, "  {:<18} {}", user.email, user.password)?;
    }
    if demo {
        writeln!(text, "\nLog in on the gateway's pages, in a browser: {}", running.demo_url())?;
        writeln!(
            text,
            "Make an account, with a mail that comes to the page above: {}/account/sign-up",
            running.base_url()
        )?;
        writeln!(text, "See your account, and log apps out from there: {}/account", running.base_url())?;
        let secret = running.client_secret("partner-app").unwrap_or_default();
        text.push_str(&JOURNEYS.replace("{url}", running.base_url()).replace("{secret}", secret));
    }
    Ok(())
}

/// Commands that show every journey, to be copied line by line. `{url}` and `{secret}` are replaced.
const JOURNEYS: &str = r#"
Log in, and keep the two tokens
  LOGIN=$(curl -s {url}/oauth2/token -d grant_type=password -d client_id=demo-app -d username=ada@example.com --data-urlencode 'password=correct horse battery staple'); echo "$LOGIN"
  ACCESS=$(echo "$LOGIN" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); REFRESH=$(echo "$LOGIN" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')
Call the legacy back end, which knows nothing but its own session cookie
  curl -i {url}/orders -H "Authorization: Bearer $ACCESS"
  curl -i {url}/orders -H "Authorization: Bearer $ACCESS" -H 'Content-Type: application/json' -d '{"item":"tea","quantity":2}'
  curl -s {url}/orders/1 -H "Authorization: Bearer $ACCESS"
See what the back end receives
  curl -s "{url}/echo?a=1&b=2" -H "Authorization: Bearer $ACCESS"
Refresh
  LOGIN=$(curl -s {url}/oauth2/token -d grant_type=refresh_token -d client_id=demo-app -d "refresh_token=$REFRESH"); echo "$LOGIN"
  ACCESS=$(echo "$LOGIN" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); REFRESH=$(echo "$LOGIN" | sed 's/.*"refresh_token":"\([^"]*\)".*/\1/')
Reach the limit of 60 calls a minute
  for i in $(seq 70); do curl -s -o /dev/null -w '%{http_code} ' {url}/orders -H "Authorization: Bearer $ACCESS"; done; echo
Get a token for an app of its own, and look into a token
  PARTNER=$(curl -s {url}/oauth2/token -u 'partner-app:{secret}' -d grant_type=client_credentials | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
  curl -s {url}/oauth2/introspect -u 'partner-app:{secret}' -d "token=$PARTNER"
Log out, which is felt at the next call
  curl -i {url}/oauth2/revoke -d client_id=demo-app -d "token=$REFRESH"
Without any token
  curl -s {url}/public/ping
  curl -s {url}/.well-known/oauth-authorization-server
  curl -s {url}/.well-known/jwks.json
"#;
