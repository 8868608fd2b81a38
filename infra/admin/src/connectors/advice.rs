//! What to change in gateway.yaml after a login that did not succeed, by what was seen.

use gateway_connectors::ConnectorError;
use gateway_connectors::http_login::{Event, Exchange, Walk};

/// What to try next, the likeliest first.
pub(super) fn after(walk: Option<&Walk>, error: &ConnectorError) -> Vec<String> {
    let mut advice = Vec::new();
    match error {
        ConnectorError::Refused => advice.push(
            "if name and password are right, the response is not the refusal that `refused` takes it for: compare it \
             with that to a wrong password"
                .to_owned(),
        ),
        ConnectorError::NotLinked => advice.push("write the name at the legacy system after --user".to_owned()),
        ConnectorError::Unavailable(_) => advice.push(
            "see whether the host can be reached from here, whether it asks for a VPN or a `tls.ca`, and whether \
             `timeout` is long enough"
                .to_owned(),
        ),
        ConnectorError::PasswordNeeded | ConnectorError::Misbehaved(_) | ConnectorError::Unfit(_) => {}
    }
    let Some(walk) = walk else { return advice };
    if !matches!(error, ConnectorError::Misbehaved(_)) {
        return advice;
    }
    for event in &walk.events {
        if let Event::Value { field, place, good: false, .. } = event {
            advice.push(format!("`{field}` looks for {place}, which is not there: see above what the response has"));
        }
    }
    if let Some(last) = walk.last() {
        if advice.is_empty() {
            of_response(last, unmet(walk), &mut advice);
        }
    } else {
        advice.push("no request was sent: see what is wrong with the first one".to_owned());
    }
    advice
}

/// The step whose `success` did not hold in the end.
fn unmet(walk: &Walk) -> bool {
    walk.events.iter().rev().find_map(|event| match event {
        Event::Judged { success, .. } => Some(success.iter().any(|part| !part.holds)),
        Event::Exchange(_) | Event::Value { .. } => None,
    }) == Some(true)
}

fn of_response(last: &Exchange, unmet: bool, advice: &mut Vec<String>) {
    let step = last.step;
    if let Some(target) = &last.redirect {
        advice.push(format!(
            "step {step} was redirected to {target}: if that is a success, write `success: {{ status: {} }}` or \
             `redirect_to`; if the login goes on there, write `follow: 3`, and the host under `also_at` if it is another",
            last.status
        ));
    } else if last.forms.iter().any(|form| form.password) && unmet {
        advice.push(format!(
            "step {step} was answered with a page that asks for a password: after a wrong password, write \
             `refused: {{ status: {} }}`; before it, write `submit` as the next request",
            last.status
        ));
    } else if matches!(last.status, 404 | 405 | 415) {
        advice.push(format!("step {step} has a URL, a method or a body that the system does not take"));
    } else if unmet {
        advice.push(format!(
            "step {step}: if this is how a success looks, write `success` so that it holds, such as \
             `success: {{ status: {} }}`",
            last.status
        ));
    }
    if last.cookies.iter().any(|cookie| cookie.what.starts_with("ignored")) {
        advice.push("a cookie was ignored: its Domain is not that of the host which set it".to_owned());
    }
}
