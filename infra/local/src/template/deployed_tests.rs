//! Checks of the template for what shows only in AWS, and in no emulator. `.ci/template` checks what SAM generates.

use std::collections::BTreeSet;

use super::tests::{REAL, read_kind};
use super::yaml::{Node, Value, parse};
use super::{ApiKind, Inputs, Template};

fn root() -> Node {
    parse(REAL).unwrap()
}

fn entries(node: &Node) -> &[(String, Node)] {
    let Value::Map(map) = &node.value else { panic!("{node:?} is no mapping") };
    map
}

fn get<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('/').try_fold(node, |node, key| match &node.value {
        Value::Map(map) => map.iter().find(|(name, _)| name == key).map(|(_, node)| node),
        Value::List(list) => list.get(key.parse::<usize>().ok()?),
        Value::Null | Value::Scalar(_) => None,
    })
}

fn at<'n>(node: &'n Node, path: &str) -> &'n Node {
    get(node, path).unwrap_or_else(|| panic!("the template has no {path}"))
}

fn text(node: &Node) -> &str {
    let Value::Scalar(text) = &node.value else { panic!("{node:?} is no text") };
    text
}

/// Every text below a node.
fn texts(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::Null => vec![],
        Value::Scalar(text) => vec![text],
        Value::List(list) => list.iter().flat_map(texts).collect(),
        Value::Map(map) => map.iter().flat_map(|(_, node)| texts(node)).collect(),
    }
}

/// Logical ids of resources of this type.
fn of_type<'n>(root: &'n Node, kind: &str) -> Vec<(&'n str, &'n Node)> {
    let resources = entries(at(root, "Resources")).iter();
    let those = resources.filter(|(_, resource)| text(at(resource, "Type")) == kind);
    those.map(|(id, resource)| (id.as_str(), resource)).collect()
}

#[test]
fn no_function_of_the_api_is_updated_before_the_deploy_has_read_gateway_yaml() {
    let root = root();
    for (id, function) in of_type(&root, "AWS::Serverless::Function") {
        let after = get(function, "DependsOn").map(text);
        // The keys function tells the events function, which so cannot wait for it.
        assert_eq!(after, (!["KeysFunction", "EventsFunction"].contains(&id)).then_some("Keys"), "{id}");
    }
    let keys = at(&root, "Resources/Keys/Properties");
    assert_eq!((keys.tag.as_deref(), text(at(keys, "GatewayConfig"))), (None, "GatewayConfig"));
    assert_eq!(text(at(keys, "ReadBy")), "KeysFunction.Version");
    assert_eq!(text(at(keys, "CorsOrigin")), "CorsOrigin");
}

/// Decision 0021: a changed environment variable replaces the containers, but not those of a published version.
#[test]
fn what_answers_requests_is_the_newest_code_and_configuration_not_an_alias() {
    let root = root();
    let aliases = of_type(&root, "AWS::Serverless::Function").into_iter();
    let aliases = aliases.filter(|(_, function)| get(function, "Properties/AutoPublishAlias").is_some());
    assert_eq!(aliases.map(|(id, _)| id).collect::<Vec<_>>(), ["KeysFunction"]);
    assert_eq!(text(at(&root, "Resources/KeysFunction/DeletionPolicy")), "Delete");
    for (id, schedule) in of_type(&root, "AWS::SecretsManager::RotationSchedule") {
        assert_eq!(text(at(schedule, "Properties/RotationLambdaARN")), "KeysFunction.Arn", "{id}");
    }
}

/// A VPC endpoint without a policy would let everything in its network reach data of any account.
#[test]
fn an_endpoint_leads_to_what_the_functions_in_the_vpc_use_and_lets_in_only_them() {
    let parameters = [
        ("BackEndSecretArns", "x"),
        ("ConnectorSecretArns", "x"),
        ("HookSecretArns", "x"),
        ("SubnetIds", "x"),
        ("VpcId", "x"),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let template = Template::read(REAL, &Inputs { parameters, ..Inputs::default() }).unwrap();
    let root = root();
    let endpoints = of_type(&root, "AWS::EC2::VPCEndpoint");
    assert_eq!(endpoints.len(), 3);
    for (id, endpoint) in endpoints {
        let service = text(at(endpoint, "Properties/ServiceName")).rsplit_once('.').unwrap().1;
        let Value::List(statements) = &at(endpoint, "Properties/PolicyDocument/Statement").value else {
            panic!("{id}")
        };
        let mut led_to = BTreeSet::new();
        for statement in statements.iter() {
            let statement = if statement.tag.is_some() { at(statement, "1") } else { statement };
            let names: Vec<_> = entries(statement).iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["Effect", "Principal", "Action", "Resource", "Condition"], "{id}");
            let roles = texts(at(statement, "Condition/ArnEquals/aws:PrincipalArn"));
            let in_vpc = ["TokenRole.Arn", "AuthorizeRole.Arn", "ProxyRole.Arn", "RenewalRole.Arn"];
            assert!(!roles.is_empty() && roles.iter().all(|role| in_vpc.contains(role)));
            let resources = texts(at(statement, "Resource"));
            led_to.extend(resources.iter().filter_map(|name| name.split_once('.').map(|(id, _)| id.to_owned())));
        }
        let roles = ["TokenRole", "AuthorizeRole", "ProxyRole", "RenewalRole"];
        let roles = roles.iter().flat_map(|role| template.roles[*role].allowed.keys());
        let used: BTreeSet<_> =
            roles.filter(|(action, _)| action.starts_with(&format!("{service}:"))).map(|(_, on)| on.clone()).collect();
        assert_eq!(led_to, used, "{id}");
    }
    let lists: Vec<_> = texts(at(&root, "Resources/SecretsManagerVpcEndpoint/Properties/PolicyDocument"));
    for named in ["BackEndSecretArns", "ConnectorSecretArns", "HookSecretArns"] {
        assert!(lists.contains(&named), "{lists:?}");
    }
}

/// Each function reads a secret, and only the keys function writes one. The key can be used only through Secrets Manager.
#[test]
fn a_customer_managed_key_opens_secrets_for_who_reads_them_and_encrypts_for_who_writes_them() {
    let parameters = |arn: &str| [("KmsKeyArn".to_owned(), arn.to_owned())].into();
    let holders = |arn: &str, policy: &str| -> Vec<String> {
        let inputs = Inputs { parameters: parameters(arn), ..Inputs::default() };
        let roles = Template::read(REAL, &inputs).unwrap().roles.into_iter();
        roles.filter(|(_, role)| role.managed.contains(policy)).map(|(id, _)| id).collect()
    };
    let arn = "arn:aws:kms:eu-central-1:000000000000:key/1";
    let readers = [
        "AccountRole",
        "AuthorizeRole",
        "AuthorizerRole",
        "KeysRole",
        "OutboxRole",
        "PortalRole",
        "ProxyRole",
        "RenewalRole",
        "TokenRole",
    ];
    assert_eq!(holders(arn, "KmsReadPolicy"), readers);
    assert_eq!(holders(arn, "KmsWritePolicy"), ["KeysRole"]);
    for policy in ["KmsReadPolicy", "KmsWritePolicy"] {
        assert_eq!(holders("", policy), Vec::<String>::new(), "{policy}");
    }
    let root = root();
    for (policy, action) in [("KmsReadPolicy", "kms:Decrypt"), ("KmsWritePolicy", "kms:GenerateDataKey")] {
        let policy = at(&root, &format!("Resources/{policy}"));
        assert_eq!(text(at(policy, "Condition")), "HasKmsKey");
        let via = "secretsmanager.${AWS::Region}.${AWS::URLSuffix}";
        let statements = at(policy, "Properties/PolicyDocument/Statement");
        assert_eq!(texts(statements), ["Allow", action, "KmsKeyArn", via]);
        assert!(get(statements, "0/Condition/StringEquals/kms:ViaService").is_some());
    }
    let secrets = of_type(&root, "AWS::SecretsManager::Secret");
    assert_eq!(secrets.len(), 7);
    for (id, secret) in secrets {
        assert_eq!(texts(at(secret, "Properties/KmsKeyId")), ["HasKmsKey", "KmsKeyArn", "AWS::NoValue"], "{id}");
    }
}

#[test]
fn every_parameter_has_a_label_and_one_place_and_those_for_tests_come_last() {
    let root = root();
    let interface = at(&root, "Metadata/AWS::CloudFormation::Interface");
    let Value::List(groups) = &at(interface, "ParameterGroups").value else { panic!("no groups") };
    let grouped: Vec<_> = groups.iter().flat_map(|group| texts(at(group, "Parameters"))).collect();
    let declared: Vec<_> = entries(at(&root, "Parameters")).iter().map(|(name, _)| name.as_str()).collect();
    let labelled = entries(at(interface, "ParameterLabels")).iter().map(|(name, _)| name.as_str());
    let sorted = |mut names: Vec<&str>| {
        names.sort_unstable();
        names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(sorted(grouped.clone()), sorted(declared.clone()));
    assert_eq!(sorted(labelled.collect()), sorted(declared.clone()));
    let for_tests =
        ["DynamoDbEndpoint", "SecretsManagerEndpoint", "LambdaEndpoint", "SesEndpoint", "EventBridgeEndpoint"];
    assert!(grouped.ends_with(&for_tests) && declared.ends_with(&for_tests));
}

/// A protected table cannot be deleted, so a rollback must not try to. A failed first deployment leaves nothing else.
#[test]
fn what_holds_data_outlives_the_stack_and_only_tables_outlive_a_deploy_that_failed() {
    let root = root();
    let policies = [
        ("AWS::DynamoDB::Table", "Retain"),
        ("AWS::SecretsManager::Secret", "RetainExceptOnCreate"),
        ("AWS::Logs::LogGroup", "RetainExceptOnCreate"),
    ];
    for (kind, policy) in policies {
        let resources = of_type(&root, kind);
        assert!(!resources.is_empty());
        for (id, resource) in resources {
            assert_eq!(text(at(resource, "DeletionPolicy")), policy, "{id}");
            assert_eq!(text(at(resource, "UpdateReplacePolicy")), "Retain", "{id}");
            let protected = get(resource, "Properties/DeletionProtectionEnabled").map(text);
            assert_eq!(protected, (policy == "Retain").then_some("true"), "{id}");
        }
    }
}

/// A login costs more than a call, so its limit is lower. A setting of one method replaces the one of all methods entirely.
#[test]
fn the_endpoints_of_logins_take_less_than_the_rest_and_log_no_more() {
    let root = root();
    let Value::List(settings) = &at(&root, "Resources/Api/Properties/MethodSettings").value else { panic!("none") };
    let paths: Vec<_> = settings.iter().map(|one| text(at(one, "ResourcePath"))).collect();
    let endpoints = ["token", "authorize", "challenge", "par", "devices"].map(|name| format!("/~1oauth2~1{name}"));
    let endpoints = endpoints.each_ref().map(String::as_str);
    let accounts = ["/~1account~1{page+}", "/~1account~1api~1v1~1{resource+}"];
    assert_eq!(paths, [&["/*"], &endpoints[..], &accounts].concat());
    let methods: Vec<_> = settings.iter().skip(1).map(|one| text(at(one, "HttpMethod"))).collect();
    assert!(methods.iter().all(|method| *method == "POST"), "{methods:?}");
    for one in settings.iter() {
        assert_eq!((text(at(one, "LoggingLevel")), text(at(one, "DataTraceEnabled"))), ("OFF", "false"));
    }
    let default = |index: usize, name: &str| -> u32 {
        let parameter = text(at(&settings[index], name));
        text(at(&root, &format!("Parameters/{parameter}/Default"))).parse().unwrap()
    };
    for name in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        for one in 1..settings.len() {
            assert!(default(one, name) < default(0, name), "{name}");
        }
    }
}

/// An HTTP API limits the same endpoints as the REST API, by the same parameters, and can do so only for routes that it has.
#[test]
fn both_kinds_of_api_take_as_much_of_logins_and_of_the_rest() {
    let root = root();
    let Value::List(settings) = &at(&root, "Resources/Api/Properties/MethodSettings").value else { panic!("none") };
    let limits =
        |node: &Node| ["ThrottlingRateLimit", "ThrottlingBurstLimit"].map(|name| text(at(node, name)).to_owned());
    let path = |one: &Node| text(at(one, "ResourcePath")).trim_start_matches('/').replace("~1", "/");
    let key = |one: &Node| format!("{} {}", text(at(one, "HttpMethod")), path(one));
    let rest: Vec<_> = settings.iter().map(|one| (key(one), limits(one))).collect();
    let stage = at(&root, "Resources/HttpApiStage");
    let default = ("* *".to_owned(), limits(at(stage, "Properties/DefaultRouteSettings")));
    let routes = entries(at(stage, "Properties/RouteSettings")).iter().map(|(key, one)| (key.clone(), limits(one)));
    assert_eq!(rest, std::iter::once(default).chain(routes).collect::<Vec<_>>());
    let waits_for = texts(at(stage, "DependsOn"));
    let keys: Vec<_> =
        waits_for.iter().map(|id| text(at(&root, &format!("Resources/{id}/Properties/RouteKey")))).collect();
    assert_eq!(keys, rest.iter().skip(1).map(|(key, _)| key.as_str()).collect::<Vec<_>>());
}

/// A permission of an API names that API, so that no other one of the account reaches the function.
#[test]
fn an_http_api_may_invoke_what_its_routes_lead_to_and_its_authorizer() {
    let root = root();
    let template = read_kind(REAL, ApiKind::Http, &[]).unwrap();
    let permitted: BTreeSet<_> = of_type(&root, "AWS::Lambda::Permission")
        .into_iter()
        .filter(|(_, permission)| get(permission, "Condition").is_some_and(|at| text(at) == "IsHttpApi"))
        .map(|(id, permission)| {
            let arn = text(at(permission, "Properties/SourceArn"));
            let of_authorizer = arn.ends_with(":${HttpApi}/authorizers/${HttpApiAuthorizer}");
            assert!(of_authorizer || arn.ends_with(":${HttpApi}/${StageName}/*"), "{id}: {arn}");
            (text(at(permission, "Properties/FunctionName")).to_owned(), of_authorizer)
        })
        .collect();
    let led_to = template.routes.iter().map(|route| (route.function.clone(), false));
    let asked = template.api.authorizers.values().map(|authorizer| (authorizer.function.clone(), true));
    assert_eq!(permitted, led_to.chain(asked).collect());
}

/// Whatever belongs to an HTTP API is made only where there is one.
#[test]
fn every_resource_of_an_http_api_has_its_condition() {
    let root = root();
    for (id, resource) in entries(at(&root, "Resources")) {
        let kind = text(at(resource, "Type"));
        if kind.starts_with("AWS::ApiGatewayV2::") && kind != "AWS::ApiGatewayV2::ApiMapping" {
            assert_eq!(get(resource, "Condition").map(text), Some("IsHttpApi"), "{id}");
        }
    }
}

/// What stands behind a route can be called by anybody: operators can bound each, so that none takes what the others need.
#[test]
fn every_function_behind_a_route_can_be_bounded() {
    let root = root();
    let functions = of_type(&root, "AWS::Serverless::Function");
    let is_behind_route = |function: &Node| {
        let events = get(function, "Properties/Events").map(entries).unwrap_or_default();
        events.iter().any(|(_, event)| text(at(event, "Type")) == "Api")
    };
    let behind: Vec<_> = functions.into_iter().filter(|(_, function)| is_behind_route(function)).collect();
    assert_eq!(behind.len(), 5);
    for (id, function) in behind {
        let bound = get(function, "Properties/ReservedConcurrentExecutions");
        let parameter = format!("{}Concurrency", id.trim_end_matches("Function"));
        assert!(bound.is_some() && get(&root, &format!("Parameters/{parameter}")).is_some(), "{id}: {parameter}");
    }
}

/// Names of dashboards are unique in an account, across its regions.
#[test]
fn the_same_stack_in_two_regions_has_two_dashboards() {
    assert_eq!(text(at(&root(), "Resources/Dashboard/Properties/DashboardName")), "${AWS::StackName}-${AWS::Region}");
}
