//! Evaluates the IAM policy of an authorizer against one method ARN.

use serde_json::Value as Json;

use crate::limits;

/// The effect of a policy on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A statement allows the call, and none denies it.
    Allow,
    /// A statement denies the call.
    ExplicitDeny,
    /// No statement applies to the call.
    ImplicitDeny,
}

/// API Gateway cannot evaluate the policy, or the policy uses something that is not imitated here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy's {0}")]
pub(super) struct InvalidPolicy(pub(super) &'static str);

const ACTION: &str = "execute-api:Invoke";

/// Evaluates a policy document for an invocation of this ARN.
pub(super) fn evaluate(document: &Json, arn: &str) -> Result<Effect, InvalidPolicy> {
    let version = document.get("Version").and_then(Json::as_str);
    if !matches!(version, Some("2012-10-17" | "2008-10-17")) {
        return Err(InvalidPolicy("Version must be 2012-10-17"));
    }
    let statements = match document.get("Statement") {
        Some(Json::Array(statements)) => statements.as_slice(),
        Some(one @ Json::Object(_)) => std::slice::from_ref(one),
        _ => return Err(InvalidPolicy("Statement must be a list of statements")),
    };
    let mut effect = Effect::ImplicitDeny;
    for statement in statements {
        let Some(members) = statement.as_object() else { return Err(InvalidPolicy("statements must be objects")) };
        if members.keys().any(|key| !matches!(key.as_str(), "Sid" | "Effect" | "Action" | "Resource")) {
            return Err(InvalidPolicy("statements may have Sid, Effect, Action and Resource here"));
        }
        let allow = match members.get("Effect").and_then(Json::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err(InvalidPolicy("Effect must be Allow or Deny")),
        };
        let actions = texts(members.get("Action")).ok_or(InvalidPolicy("Action must be text or a list of texts"))?;
        let resources =
            texts(members.get("Resource")).ok_or(InvalidPolicy("Resource must be text or a list of texts"))?;
        if resources.iter().any(|resource| resource.chars().count() > limits::POLICY_RESOURCE) {
            return Err(InvalidPolicy("Resource must not be longer than 512 characters"));
        }
        let action_fits =
            actions.iter().any(|action| matches(&action.to_ascii_lowercase(), &ACTION.to_ascii_lowercase()));
        if action_fits && resources.iter().any(|resource| matches(resource, arn)) {
            match allow {
                true if effect == Effect::ImplicitDeny => effect = Effect::Allow,
                true => {}
                false => effect = Effect::ExplicitDeny,
            }
        }
    }
    Ok(effect)
}

fn texts(value: Option<&Json>) -> Option<Vec<&str>> {
    match value? {
        Json::String(text) => Some(vec![text]),
        Json::Array(list) => list.iter().map(Json::as_str).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => None,
    }
}

/// Whether the pattern matches the whole text. In it, `*` is any text, and `?` is any one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut seen) = (0, 0);
    // The place of the last star, and how far it matches. On a mismatch the star takes one more character.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(at), text.get(seen)) {
            (None, None) => return true,
            (Some('*'), _) => {
                retry = Some((at, seen));
                at += 1;
                continue;
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((star, taken)) = retry.filter(|(_, taken)| *taken < text.len()) else { return false };
                retry = Some((star, taken + 1));
                (at, seen) = (star + 1, taken + 1);
                continue;
            }
        }
        at += 1;
        seen += 1;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:execute-api:r:1:api/v1/GET/orders/7";

    fn statement(effect: &str, action: &str, resource: &str) -> Json {
        json!({ "Effect": effect, "Action": action, "Resource": resource })
    }

    fn effect(statements: &[Json]) -> Result<Effect, InvalidPolicy> {
        evaluate(&json!({ "Version": "2012-10-17", "Statement": statements }), ARN)
    }

    #[test]
    fn the_exact_arn_is_allowed() {
        assert_eq!(effect(&[statement("Allow", ACTION, ARN)]), Ok(Effect::Allow));
    }

    /// Abuse case A5: a policy for another method or path allows nothing.
    #[test]
    fn another_arn_is_not_allowed() {
        for other in [ARN.replace("GET", "DELETE"), ARN.replace("/7", "/8"), ARN.replace("/7", ""), format!("{ARN}/")] {
            assert_eq!(effect(&[statement("Allow", ACTION, &other)]), Ok(Effect::ImplicitDeny), "{other}");
        }
    }

    #[test]
    fn a_deny_wins_wherever_it_stands() {
        let (allow, deny) = (statement("Allow", ACTION, ARN), statement("Deny", ACTION, "*"));
        assert_eq!(effect(&[allow.clone(), deny.clone()]), Ok(Effect::ExplicitDeny));
        assert_eq!(effect(&[deny, allow]), Ok(Effect::ExplicitDeny));
    }

    #[test]
    fn stars_and_question_marks_are_wildcards() {
        for (resource, expected) in [
            ("*", true),
            ("arn:aws:execute-api:*/GET/*", true),
            ("arn:aws:execute-api:*/GET/orders/?", true),
            ("*/7", true),
            ("*/GET/*/orders/7", false),
            ("arn:aws:execute-api:*/GET/orders/??", false),
            ("*GET", false),
            ("", false),
        ] {
            let effect = effect(&[statement("Allow", ACTION, resource)]).unwrap();
            assert_eq!(effect == Effect::Allow, expected, "{resource}");
        }
    }

    #[test]
    fn the_action_may_be_a_wildcard_or_a_list_and_must_fit() {
        assert_eq!(effect(&[statement("Allow", "execute-api:*", ARN)]), Ok(Effect::Allow));
        assert_eq!(effect(&[statement("Allow", "*", ARN)]), Ok(Effect::Allow));
        assert_eq!(effect(&[statement("Allow", "execute-api:ManageConnections", ARN)]), Ok(Effect::ImplicitDeny));
        let lists = json!({ "Effect": "Allow", "Action": ["x:y", ACTION], "Resource": ["z", ARN] });
        assert_eq!(effect(&[lists]), Ok(Effect::Allow));
    }

    #[test]
    fn what_cannot_be_evaluated_is_an_error() {
        let mut conditional = statement("Allow", ACTION, ARN);
        conditional["Condition"] = json!({});
        for wrong in
            [conditional, statement("allow", ACTION, ARN), json!({ "Effect": "Allow", "Action": ACTION }), json!(1)]
        {
            assert!(effect(std::slice::from_ref(&wrong)).is_err(), "{wrong}");
        }
        assert!(evaluate(&json!({ "Statement": [] }), ARN).is_err());
        assert!(evaluate(&json!({ "Version": "2012-10-17" }), ARN).is_err());
        assert!(evaluate(&Json::Null, ARN).is_err());
    }

    /// API Gateway does not evaluate such a policy at all, whatever else it contains.
    #[test]
    fn a_resource_of_more_than_512_characters_makes_the_policy_invalid() {
        let of_length = |length: usize| statement("Allow", ACTION, &format!("*{}", "?".repeat(length - 1)));
        assert_eq!(effect(&[of_length(512)]), Ok(Effect::ImplicitDeny));
        assert!(effect(&[of_length(513)]).is_err());
        assert!(effect(&[statement("Allow", ACTION, ARN), of_length(513)]).is_err());
        let list = json!({ "Effect": "Allow", "Action": ACTION, "Resource": [ARN, "x".repeat(600)] });
        assert!(effect(&[list]).is_err());
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        let pattern = "*a".repeat(30);
        assert!(!matches(&pattern, &"a".repeat(29)));
        assert!(matches(&pattern, &"a".repeat(200)));
    }
}
