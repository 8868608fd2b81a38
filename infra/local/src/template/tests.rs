//! Tests what is read of a template and what is refused.

use super::*;

pub(super) const REAL: &str = include_str!("../../../../template.yaml");

fn read(text: &str) -> Result<Template, TemplateError> {
    Template::read(text, &Inputs::default())
}

/// The error for the real template with one piece of text replaced.
fn refused(from: &str, to: &str) -> String {
    assert!(REAL.contains(from), "the template no longer contains {from:?}");
    read(&REAL.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_template_that_deploys_is_understood() {
    let parameters = [("Issuer", "http://127.0.0.1:3000")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let template = Template::read(REAL, &Inputs { parameters, table_prefix: "t1-".to_owned() }).unwrap();
    let token = template.function("TokenFunction").unwrap();
    assert_eq!(token.binary, "token");
    assert_eq!(token.memory, 1769);
    assert_eq!(token.environment["USERS_TABLE"], "t1-UsersTable");
    assert_eq!(token.environment["SIGNING_KEYS_SECRET"], "SigningKeys");
    assert_eq!(token.environment["AWS_ENDPOINT_URL_DYNAMODB"], "");
    assert_eq!(template.api.variables["issuer"], "http://127.0.0.1:3000");
    assert_eq!(template.api.authorizers["Gateway"].function, "AuthorizerFunction");
    assert!(template.api.binary);
    assert_eq!(template.tables.len(), 14);
    assert_eq!(template.tables[3].key[1].0, "client_id");
    assert_eq!(template.secrets.len(), 7);
    let rotating: Vec<_> = template.rotations.iter().map(|rotation| rotation.secret.as_str()).collect();
    assert_eq!(rotating, ["SigningKeys", "IdTokenKeys", "SealingKeys", "LetterKeys", "RefreshKeys", "Pepper"]);
    assert!(template.rotations.iter().all(|rotation| rotation.function == "KeysFunction"));
    assert_eq!(template.api.gateway_responses["AUTHORIZER_FAILURE"].status, Some(503));
}

#[test]
fn with_a_sender_the_outbox_function_may_send_mail_and_is_told_what_became_of_it() {
    let role = |template: &Template| template.roles["OutboxRole"].allowed.keys().cloned().collect::<Vec<_>>();
    let without = read(REAL).unwrap();
    let of_outbox = |schedules: &[Schedule]| schedules.iter().any(|one| one.function == "OutboxFunction");
    assert!(without.subscriptions.is_empty() && of_outbox(&without.schedules), "sessions end without mail");
    assert!(!role(&without).iter().any(|(action, _)| action.starts_with("ses:")));
    let parameters = [("MailFrom", "no-reply@example.com"), ("MailIdentity", "example.com")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let with = Template::read(REAL, &Inputs { parameters, ..Inputs::default() }).unwrap();
    let send = |on: &str| ("ses:SendEmail".to_owned(), on.to_owned());
    assert!(role(&with).contains(&send("identity/example.com")));
    assert!(role(&with).contains(&send("configuration-set/MailConfiguration")));
    assert_eq!(with.subscriptions, [Subscription { topic: "MailEvents".into(), function: "OutboxFunction".into() }]);
    assert!(of_outbox(&with.schedules));
}

#[test]
fn without_an_issuer_the_api_is_its_own_issuer() {
    let template = read(REAL).unwrap();
    assert_eq!(template.api.variables["issuer"], "https://Api.execute-api.us-east-1.amazonaws.com/v1");
}

/// Only what the template lists is open, and everything else is behind the authorizer. The functions respond to `OPTIONS`
/// themselves.
#[test]
fn only_the_public_paths_the_token_endpoints_and_preflights_are_open() {
    let template = read(REAL).unwrap();
    for route in &template.routes {
        let expected = ["TokenFunction", "AuthorizeFunction", "AccountFunction", "PortalFunction"]
            .contains(&route.function.as_str())
            || route.path.starts_with("/public/")
            || route.method == "OPTIONS";
        assert_eq!(route.open, expected, "{} {}", route.method, route.path);
    }
}

/// `sam local` merges the routes of one path and function and keeps the authorizer of any one of them. It does not know the
/// property that is removed here.
#[test]
fn routes_of_one_path_and_function_agree_on_their_authorizer_as_sam_local_reads_them() {
    let property = "        AddDefaultAuthorizerToCorsPreflight: false\n";
    assert_eq!(REAL.matches(property).count(), 1);
    let template = read(&REAL.replace(property, "")).unwrap();
    for one in &template.routes {
        for other in template.routes.iter().filter(|other| (&other.function, &other.path) == (&one.function, &one.path))
        {
            let names = (&one.method, &other.method, &one.path);
            assert_eq!((one.open, &one.authorizer), (other.open, &other.authorizer), "{names:?}");
        }
    }
}

#[test]
fn options_is_open_only_where_the_template_says_so_once_for_all() {
    let line = "AddDefaultAuthorizerToCorsPreflight: false";
    let options = |text: &str| {
        let routes = read(text).unwrap().routes;
        routes.into_iter().find(|route| route.method == "OPTIONS" && route.path == "/{proxy+}").unwrap().open
    };
    assert!(options(REAL));
    assert!(!options(&REAL.replace(line, "AddDefaultAuthorizerToCorsPreflight: true")));
    let message = refused(line, "AddDefaultAuthorizerToCorsPreflight: maybe");
    assert!(message.contains("Resources.Api.Properties.Auth.AddDefaultAuthorizerToCorsPreflight"), "{message}");
}

/// Only the token function has private signing keys, and the authorizer can neither seal nor open.
#[test]
fn each_function_is_told_only_of_the_secrets_it_needs() {
    let template = read(REAL).unwrap();
    let secrets = |id: &str| -> Vec<String> {
        let environment = &template.function(id).unwrap().environment;
        environment.keys().filter(|name| name.ends_with("_SECRET")).cloned().collect()
    };
    assert_eq!(secrets("AuthorizerFunction"), ["PUBLIC_KEYS_SECRET"]);
    assert_eq!(secrets("ProxyFunction"), ["SEALING_KEYS_SECRET"]);
}

/// Checklist T-26, M-09: with a domain there is no second address, and the domain accepts no older TLS.
#[test]
fn a_domain_speaks_tls_1_2_at_least_and_is_the_only_address() {
    let resource = |id: &str| {
        let (_, rest) = REAL.split_once(&format!("\n  {id}:\n")).unwrap();
        rest.lines().take_while(|line| line.is_empty() || line.starts_with("   ")).collect::<Vec<_>>()
    };
    assert!(resource("Domain").contains(&"      SecurityPolicy: TLS_1_2"));
    // The REST API is closed beside an HTTP API, too: then its endpoint would be a second address of another kind.
    assert!(resource("Api").contains(&"      DisableExecuteApiEndpoint: !If [ClosesRestApi, true, false]"));
    assert!(REAL.contains("\n  ClosesRestApi: !Or [!Condition HasDomain, !Condition IsHttpApi]\n"));
    assert!(resource("HttpApi").contains(&"      DisableExecuteApiEndpoint: !If [HasDomain, true, false]"));
}

/// Checklist Z-13.
#[test]
fn nothing_of_the_demo_is_in_what_deploys() {
    for word in ["demo", "ada@", "bob@", "partner-app", "127.0.0.1", "localhost"] {
        assert!(!REAL.contains(word), "{word}");
    }
}

#[test]
fn an_unknown_property_of_a_function_is_named() {
    let message = refused("      CodeUri: functions/token\n", "      CodeUri: functions/token\n      KmsKeyArn: x\n");
    assert!(message.contains("Resources.TokenFunction.Properties.KmsKeyArn"), "{message}");
    assert!(message.starts_with("template line "), "{message}");
}

/// Without `EventInvokeConfig` Lambda repeats an asynchronous event twice, which is also the most.
#[test]
fn a_function_says_how_often_what_nobody_waits_for_is_repeated() {
    let retries = |text: &str| read(text).unwrap().function("RenewalFunction").unwrap().retries;
    let other = |to: &str| REAL.replacen("MaximumRetryAttempts: 2", to, 1);
    assert_eq!((retries(REAL), retries(&other("MaximumRetryAttempts: 0"))), (2, 0));
    assert_eq!(retries(&other("# none")), 2);
    let message = refused("MaximumRetryAttempts: 2", "MaximumRetryAttempts: 3");
    assert!(message.contains("RenewalFunction") && message.contains("must be 0, 1 or 2"), "{message}");
}

#[test]
fn a_condition_that_is_not_understood_is_named() {
    let condition = "ForAllValues:StringEquals: { dynamodb:Attributes: [pk, password, passkeys, v] }";
    let place = "Resources.AuthorizeRole.Properties.Policies.0.PolicyDocument.Statement.2.Condition";
    for (instead, reason) in [
        ("ForAnyValue:StringEquals: { dynamodb:Attributes: [pk] }", "ForAnyValue:StringEquals: is not understood"),
        ("StringNotEquals: { dynamodb:Select: COUNT }", "StringNotEquals: is not understood"),
        // Without `ForAllValues`, AWS would accept a request if any one of its keys is listed.
        ("StringEquals: { dynamodb:LeadingKeys: [x] }", "dynamodb:LeadingKeys: is not understood"),
        ("StringEquals: { aws:SourceVpc: x }", "aws:SourceVpc: is not understood"),
        // Without `ForAllValues`, AWS would accept a request if any one of its attributes is listed.
        ("StringEquals: { dynamodb:Attributes: [pk] }", "dynamodb:Attributes: is not understood"),
        (
            "ForAllValues:StringEquals: { dynamodb:Attributes: [pk, s*] }",
            "dynamodb:Attributes.1: is taken word for word",
        ),
        ("ForAllValues:StringLike: { dynamodb:Attributes: \"${aws:userid}\" }", "variables of policies"),
    ] {
        let message = refused(condition, instead);
        assert!(message.contains(place) && message.contains(reason), "{instead}: {message}");
    }
}

#[test]
fn a_condition_where_it_would_not_hold_is_named() {
    let select = "                  StringEqualsIfExists: { dynamodb:Select: SPECIFIC_ATTRIBUTES }\n";
    assert!(refused(select, "").contains("add a condition on dynamodb:Select"));
    let update = "Action: dynamodb:UpdateItem";
    assert!(refused(update, "Action: dynamodb:BatchWriteItem").contains("is not understood with a condition"));
    assert!(refused(update, "Action: logs:PutLogEvents").contains("is not understood with a condition"));
    assert!(refused(update, "Action: dynamodb:GetItem").contains("dynamodb:Select"));
    let of_outbox = |action: &str| format!("Action: {action}\n                Resource: !GetAtt OutboxTable.Arn");
    let scan = refused(&of_outbox("dynamodb:Query"), &of_outbox("dynamodb:Scan"));
    assert!(scan.contains("reads items of all keys"), "{scan}");
    let twice = "Action: [dynamodb:GetItem, dynamodb:PutItem]\n                Resource: !GetAtt UsersTable.Arn";
    let message = refused("Action: dynamodb:GetItem\n                Resource: !GetAtt AppsTable.Arn", twice);
    assert!(message.contains("dynamodb:GetItem on it is allowed by an earlier statement"), "{message}");
}

#[test]
fn a_role_is_read_as_actions_on_named_resources() {
    let template = read(REAL).unwrap();
    let role = |id: &str| &template.roles[&template.function(id).unwrap().role];
    let pairs: Vec<_> =
        role("ProxyFunction").allowed.keys().map(|(action, on)| (action.as_str(), on.as_str())).collect();
    let expected = [
        ("dynamodb:DeleteItem", "SessionsTable"),
        ("dynamodb:GetItem", "SessionsTable"),
        ("dynamodb:PutItem", "SessionsTable"),
        ("dynamodb:UpdateItem", "SessionsTable"),
        ("lambda:InvokeFunction", "RenewalFunction"),
        ("secretsmanager:GetSecretValue", "SealingKeys"),
    ];
    assert_eq!(pairs, expected);
    let token = |action: &str, on: &str| role("TokenFunction").allowed.contains_key(&(action.into(), on.into()));
    assert!(token("dynamodb:UpdateItem", "LoginAttemptsTable"));
    assert!(!token("dynamodb:PutItem", "AppsTable"));
}

#[test]
fn rights_to_everything_are_refused() {
    let message = refused("Resource: !GetAtt UsersTable.Arn", "Resource: \"*\"");
    assert!(message.contains("TokenRole.Properties.Policies.0.PolicyDocument.Statement.0.Resource"), "{message}");
    let message = refused("Action: dynamodb:GetItem", "Action: dynamodb:*");
    assert!(message.contains("Statement.0.Action"), "{message}");
}

#[test]
fn a_function_without_a_role_of_its_own_is_refused() {
    let message = refused("      Role: !GetAtt TokenRole.Arn\n", "");
    assert!(message.contains("TokenFunction.Properties") && message.contains("`Role`"), "{message}");
}

/// Bodies, headers, paths, queries and the rest of the authorizer's context can hold secrets or personal data.
#[test]
fn access_logs_hold_nothing_but_harmless_fields() {
    assert!(REAL.contains("DataTraceEnabled: false"));
    let formats: Vec<_> =
        REAL.split("Format: >-").skip(1).map(|rest| rest.split("- !Ref AWS::NoValue").next()).collect();
    assert_eq!(formats.len(), 2, "of the REST API and of the HTTP API");
    let harmless = [
        "requestId",
        "requestTimeEpoch",
        "identity.sourceIp",
        "httpMethod",
        "resourcePath",
        "routeKey",
        "status",
        "responseLength",
        "responseLatency",
        "integrationLatency",
        "authorizer.status",
        "authorizer.app",
        "authorizer.api",
        "authorizer.plan",
        "error.responseType",
    ];
    for field in formats.into_iter().flatten().flat_map(|format| format.split("$context.").skip(1)) {
        let field = field.split('"').next().unwrap();
        assert!(harmless.contains(&field), "{field}");
    }
}

#[test]
fn with_a_custom_domain_the_domain_is_the_issuer() {
    for kind in [ApiKind::Rest, ApiKind::Http] {
        let template = read_kind(REAL, kind, &[("DomainName", "api.example.com")]).unwrap();
        assert_eq!(template.api.variables["issuer"], "https://api.example.com", "{kind:?}");
    }
}

/// The template with an API of this kind, and with other parameters.
pub(super) fn read_kind(text: &str, kind: ApiKind, more: &[(&str, &str)]) -> Result<Template, TemplateError> {
    let parameters = more.iter().copied().chain([("ApiKind", kind.parameter())]);
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Template::read(text, &Inputs { parameters, ..Inputs::default() })
}

#[test]
fn an_http_api_takes_the_place_of_the_rest_api() {
    let template = read_kind(REAL, ApiKind::Http, &[]).unwrap();
    let api = &template.api;
    assert_eq!((api.kind, api.id.as_str(), api.stage.as_str()), (ApiKind::Http, "HttpApi", "v1"));
    assert_eq!(api.variables["issuer"], "https://HttpApi.execute-api.us-east-1.amazonaws.com/v1");
    assert_eq!(api.authorizers["HttpApiAuthorizer"].function, "AuthorizerFunction");
    assert_eq!(api.authorizers["HttpApiAuthorizer"].identity_headers, ["Authorization"]);
    let authorized: Vec<_> = template.routes.iter().filter(|route| !route.open).collect();
    let [call] = authorized.as_slice() else { panic!("{authorized:?}") };
    assert_eq!((call.method.as_str(), call.path.as_str(), call.function.as_str()), (ANY, "/{proxy+}", "ProxyFunction"));
}

#[test]
fn what_an_http_api_may_not_be_is_named() {
    let refused = |from: &str, to: &str| {
        assert!(REAL.contains(from), "{from}");
        read_kind(&REAL.replace(from, to), ApiKind::Http, &[]).unwrap_err().to_string()
    };
    for (from, to, named) in [
        ("AuthorizerResultTtlInSeconds: 0", "AuthorizerResultTtlInSeconds: 300", "AuthorizerResultTtlInSeconds"),
        ("EnableSimpleResponses: true", "EnableSimpleResponses: false", "EnableSimpleResponses"),
        ("AutoDeploy: true", "AutoDeploy: false", "AutoDeploy"),
        ("PayloadFormatVersion: \"2.0\"", "PayloadFormatVersion: \"1.0\"", "PayloadFormatVersion"),
        ("RouteKey: ANY /oauth2/token", "RouteKey: $default", "RouteKey"),
        ("RouteKey: ANY /oauth2/revoke", "RouteKey: ANY /oauth2/token", "declared twice"),
        ("ProtocolType: HTTP", "ProtocolType: WEBSOCKET", "ProtocolType"),
        ("AuthorizerId: !Ref HttpApiAuthorizer", "AuthorizerId: !Ref HttpApi", "names the authorizer `HttpApi`"),
        ("integrations/${HttpTokenIntegration}", "integrations/${HttpApi}", "is no integration"),
    ] {
        let message = refused(from, to);
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn an_unknown_property_of_a_route_is_named() {
    let message = refused("Path: /oauth2/token, Method: POST,", "Path: /oauth2/token, Method: POST, RequestModel: {},");
    assert!(message.contains("TokenFunction.Properties.Events.TokenRequest.Properties.RequestModel"), "{message}");
}

#[test]
fn a_word_that_is_no_method_is_named() {
    let message = refused("Path: /oauth2/token, Method: POST", "Path: /oauth2/token, Method: FETCH");
    assert!(message.contains("Events.TokenRequest.Properties.Method") && message.contains("`FETCH`"), "{message}");
}

/// The template with another schedule in place of the one of the renewal function.
fn scheduled(properties: &str) -> Result<Template, TemplateError> {
    let (before, rest) = REAL.split_once("        Sweep:\n").unwrap();
    let after = rest.split_once("\n\n").unwrap().1;
    read(&format!("{before}        Sweep: {{ Type: Schedule, Properties: {properties} }}\n\n{after}"))
}

#[test]
fn a_schedule_is_read_with_its_period_and_its_event() {
    let schedules = |properties: &str| scheduled(properties).unwrap().schedules;
    let found = schedules("{ Schedule: rate(5 minutes), Description: x, Enabled: true, Input: '{\"sweep\":1}' }");
    let sweep = found.iter().find(|schedule| schedule.function == "RenewalFunction").unwrap();
    assert_eq!((sweep.name.as_str(), sweep.period.as_secs()), ("Sweep", 300));
    assert_eq!(sweep.input.as_deref(), Some("{\"sweep\":1}"));
    for (rate, seconds) in [("1 minute", 60), ("1 hour", 3600), ("2 days", 172_800)] {
        let found = schedules(&format!("{{ Schedule: rate({rate}) }}"));
        assert!(found.iter().any(|schedule| schedule.period.as_secs() == seconds), "{rate}");
    }
    let disabled = schedules("{ Schedule: rate(1 minute), Enabled: false }");
    assert!(!disabled.iter().any(|schedule| schedule.name == "Sweep"));
}

#[test]
fn a_schedule_that_is_not_understood_is_named() {
    let rates =
        ["rate(0 minutes)", "rate(1 minutes)", "rate(5 minute)", "rate(1 week)", "cron(0 8 * * ? *)", "1 minute"];
    for rate in rates {
        let message = scheduled(&format!("{{ Schedule: '{rate}' }}")).unwrap_err().to_string();
        assert!(message.contains("RenewalFunction.Properties.Events.Sweep.Properties.Schedule"), "{message}");
    }
    let message = scheduled("{ Schedule: rate(1 day), Input: '{' }").unwrap_err().to_string();
    assert!(message.contains("Sweep.Properties.Input") && message.contains("must be JSON"), "{message}");
    let message = scheduled("{ Schedule: rate(1 day), State: DISABLED }").unwrap_err().to_string();
    assert!(message.contains("Sweep.Properties.State"), "{message}");
}

#[test]
fn a_caching_authorizer_is_refused() {
    let message = refused("ReauthorizeEvery: 0", "ReauthorizeEvery: 300");
    assert!(message.contains("Authorizers.Gateway.Identity.ReauthorizeEvery"), "{message}");
}

#[test]
fn an_unknown_property_of_the_authorizer_is_named() {
    let message =
        refused("FunctionPayloadType: REQUEST", "FunctionPayloadType: REQUEST\n            FunctionInvokeRole: x");
    assert!(message.contains("Authorizers.Gateway.FunctionInvokeRole"), "{message}");
}

#[test]
fn a_rotation_as_soon_as_it_is_declared_is_refused() {
    let message = refused("RotateImmediatelyOnUpdate: false", "RotateImmediatelyOnUpdate: true");
    assert!(message.contains("SigningKeysRotation.Properties.RotateImmediatelyOnUpdate"), "{message}");
}

#[test]
fn a_rotation_of_nothing_is_named() {
    let message = refused("      SecretId: !Ref SigningKeys\n", "      SecretId: !Ref UsersTable\n");
    assert!(message.contains("the rotation of `UsersTable`"), "{message}");
}

#[test]
fn an_unknown_tag_in_the_environment_is_named() {
    let message = refused("USERS_TABLE: !Ref UsersTable", "USERS_TABLE: !ImportValue UsersTable");
    assert!(message.contains("Environment.Variables.USERS_TABLE") && message.contains("!ImportValue"), "{message}");
}

#[test]
fn a_reference_to_nothing_is_named() {
    let message = refused("USERS_TABLE: !Ref UsersTable", "USERS_TABLE: !Ref NoTable");
    assert!(message.contains("Variables.USERS_TABLE") && message.contains("`NoTable`"), "{message}");
}

#[test]
fn a_long_form_function_is_refused() {
    let message = refused("USERS_TABLE: !Ref UsersTable", "USERS_TABLE: { Ref: UsersTable }");
    assert!(message.contains("Variables.USERS_TABLE.Ref") && message.contains("short form"), "{message}");
}

/// The message of AWS quotes the `Authorization` of a request that has no route.
#[test]
fn no_gateway_response_passes_on_amazons_message() {
    let detail = r#""detail":"The gateway refuses this request.""#;
    for message in ["$context.error.message", "$context.error.messageString"] {
        let refused = refused(detail, &format!(r#""detail":{message}"#));
        assert!(refused.contains("DEFAULT_4XX") && refused.contains("may quote"), "{refused}");
    }
    let header = refused("WWW-Authenticate: context.authorizer.challenge", "X-Why: context.error.message");
    assert!(header.contains("ACCESS_DENIED") && header.contains("may quote"), "{header}");
}

#[test]
fn an_unknown_gateway_response_is_named() {
    let message = refused("        UNAUTHORIZED:\n", "        UNAUTHORISED:\n");
    assert!(message.contains("Api.Properties.GatewayResponses.UNAUTHORISED"), "{message}");
}

#[test]
fn a_header_expression_that_is_not_imitated_is_named() {
    let message = refused("Retry-After: \"'5'\"", "Retry-After: method.request.header.Origin");
    assert!(message.contains("AUTHORIZER_FAILURE.ResponseParameters.Headers.Retry-After"), "{message}");
}

#[test]
fn logic_in_a_body_template_is_refused() {
    let message = refused("\"$context.requestId\"}", "\"$input.body\"}");
    assert!(message.contains("ResponseTemplates.application/json"), "{message}");
}

#[test]
fn the_same_route_twice_is_an_error() {
    let message = refused("Path: /oauth2/token, Method: ANY", "Path: /oauth2/token, Method: POST");
    assert!(message.contains("POST /oauth2/token is declared twice"), "{message}");
}

#[test]
fn text_that_is_not_yaml_is_an_error() {
    assert!(matches!(read("a: [").unwrap_err(), TemplateError::Yaml(_)));
}
