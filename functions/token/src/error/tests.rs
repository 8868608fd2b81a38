use super::*;
use gateway_domain::token_type::TokenType;

/// Abuse case E9; checklist T-24.
#[test]
fn every_description_stays_within_the_characters_of_the_rfc() {
    let failures = [
        Failure::NoIssuer(NoIssuer::Absent),
        Failure::NotReady,
        Failure::NotFound,
        Failure::MethodNotAllowed("POST"),
        Failure::Form(InvalidForm::TooLarge),
        Failure::Form(InvalidForm::Repeated),
        Failure::Form(InvalidForm::Encoding),
        Failure::Form(InvalidForm::ContentType),
        Failure::Form(InvalidForm::Charset),
        Failure::Form(InvalidForm::TooManyParameters),
        Failure::Query,
        Failure::MalformedBasic,
        Failure::TwoClientAuthentications,
        Failure::Missing("x"),
        Failure::Malformed("x"),
        Failure::Malformed("username"),
        Failure::Malformed("password"),
        Failure::Malformed("Idempotency-Key"),
        Failure::Client("x"),
        Failure::Missing("client_assertion"),
        Failure::Missing("client_assertion_type"),
        Failure::NoAccessToken,
        Failure::TwoAccessTokens,
        Failure::AccessToken("\"".into()),
        Failure::AccessTokenScope("x"),
        InvalidProof("x").into(),
        Failure::ProofAgain,
        NotTheHolder::NotProved.into(),
        NotTheHolder::NotBound.into(),
        NotTheHolder::Again.into(),
        Failure::Malformed("dpop_jkt"),
        Failure::UnsupportedGrantType,
        Failure::UnauthorizedClient,
        Failure::Scope,
        Failure::Credentials,
        Failure::Code("x"),
        NotExchanged::SubjectToken("\"".into()).into(),
        NotExchanged::Target.into(),
        NotExchanged::Wider(ConnectorName::parse("orders-login").unwrap()).into(),
        NotExchanged::Refused.into(),
        NotExchanged::Type(TokenType::Session).into(),
        NotExchanged::Over(ConnectorName::parse("orders-login").unwrap()).into(),
        Failure::Missing("audience"),
        Failure::Malformed("resource"),
        Failure::RefreshToken("x"),
        Failure::LoginAgain,
        Failure::HookRefused("map_scope"),
        Failure::BackEndRefused(ConnectorName::parse("orders-login").unwrap()),
        Failure::NotLinked(ConnectorName::parse("orders-login").unwrap()),
        Failure::PasswordNeeded(ConnectorName::parse("orders-login").unwrap()),
        Failure::NotVerified,
        Failure::OverHeaderBudget { bytes: 9_000, budget: 8_190 },
        Failure::TooManyAttempts(Seconds::new(1)),
        Failure::Busy,
        Failure::BackEnd("\"".into()),
        Failure::Internal("\\"),
        Failure::RepeatedHeader("x"),
    ];
    for failure in failures {
        let description = failure.response().description;
        let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(!description.is_empty() && description.bytes().all(allowed), "{description}");
    }
}
