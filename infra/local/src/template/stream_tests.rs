//! Tests what is read of streams that invoke functions and what is refused.

use super::*;

const TEMPLATE: &str = "
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
  ItemsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      StreamSpecification: { StreamViewType: NEW_AND_OLD_IMAGES }
  OtherTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
  FollowerRole:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: Items
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [dynamodb:DescribeStream, dynamodb:GetRecords, dynamodb:GetShardIterator, dynamodb:ListStreams]
                Resource: !GetAtt ItemsTable.StreamArn
              - Effect: Allow
                Action: dynamodb:GetItem
                Resource: !GetAtt ItemsTable.Arn
  FollowerFunction:
    Type: AWS::Serverless::Function
    Metadata:
      BuildMethod: rust-cargolambda
      BuildProperties: { Binary: follower }
    Properties:
      Runtime: provided.al2023
      Role: !GetAtt FollowerRole.Arn
      Environment:
        Variables:
          STREAM: !GetAtt ItemsTable.StreamArn
          SAME_STREAM: !Sub \"${ItemsTable.StreamArn}\"
      Events:
        Items:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt ItemsTable.StreamArn
            StartingPosition: TRIM_HORIZON
";

/// The template with one piece of text replaced.
fn read(from: &str, to: &str) -> Result<Template, TemplateError> {
    assert!(TEMPLATE.contains(from), "{from}");
    Template::read(&TEMPLATE.replacen(from, to, 1), &Inputs { table_prefix: "t1-".to_owned(), ..Inputs::default() })
}

/// The template with further properties of the event.
fn with(properties: &str) -> Result<Template, TemplateError> {
    let last = "StartingPosition: TRIM_HORIZON";
    read(last, &format!("{last}\n            {properties}"))
}

#[test]
fn a_stream_is_read_with_its_table_and_its_function() {
    let template = read("v1", "v1").unwrap();
    let expected = StreamSource {
        table: "t1-ItemsTable".to_owned(),
        function: "FollowerFunction".to_owned(),
        batch: 100,
        filters: Vec::new(),
        retries: None,
    };
    assert_eq!(template.streams, [expected]);
    let [items, other] = template.tables.as_slice() else { panic!("{:?}", template.tables) };
    assert!(items.stream && !other.stream);
    assert_eq!(items.create_request()["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(other.create_request().get("StreamSpecification").is_none());
    let environment = &template.functions[0].environment;
    assert_eq!(environment["STREAM"], "arn:aws:local:us-east-1:000000000000:resource:ItemsTable/stream");
    assert_eq!(environment["SAME_STREAM"], environment["STREAM"]);
    // Lambda reads the stream, and the function does not.
    let allowed: Vec<_> = template.roles["FollowerRole"].allowed.keys().map(|(action, _)| action.as_str()).collect();
    assert_eq!(allowed, ["dynamodb:GetItem"]);
}

#[test]
fn a_stream_is_read_with_its_batches_retries_and_filters() {
    let source = |properties: &str| with(properties).unwrap().streams.remove(0);
    assert_eq!(source("BatchSize: 7").batch, 7);
    assert_eq!(source("MaximumRetryAttempts: 3").retries, Some(3));
    assert_eq!(source("MaximumRetryAttempts: -1").retries, None);
    let pattern = r#"'{"eventName": ["REMOVE"], "dynamodb": {"OldImage": {"v": {"S": [{"prefix": "x"}]}}}}'"#;
    let filters = source(&format!("FilterCriteria: {{ Filters: [{{ Pattern: {pattern} }}] }}")).filters;
    let is = |alternative| Pattern::OneOf(vec![alternative]);
    let object = |name: &str, pattern| Pattern::Object(vec![(name.to_owned(), pattern)]);
    let Pattern::Object(members) = &filters[0] else { panic!("{filters:?}") };
    let member = |name: &str| members.iter().find(|(found, _)| found == name).unwrap().1.clone();
    assert_eq!((filters.len(), members.len()), (1, 2));
    assert_eq!(member("eventName"), is(Alternative::Literal("REMOVE".into())));
    let prefix = is(Alternative::Prefix("x".to_owned()));
    assert_eq!(member("dynamodb"), object("OldImage", object("v", object("S", prefix))));
    for elsewhere in [
        "MaximumBatchingWindowInSeconds: 5",
        "MaximumRecordAgeInSeconds: 3600",
        "BisectBatchOnFunctionError: true",
        "ParallelizationFactor: 2",
        "Enabled: true",
    ] {
        assert_eq!(source(elsewhere), source("BatchSize: 100"), "{elsewhere}");
    }
}

#[test]
fn a_stream_that_is_disabled_invokes_nothing() {
    assert!(with("Enabled: false").unwrap().streams.is_empty());
}

#[test]
fn an_event_of_a_stream_that_is_not_understood_is_named() {
    for (properties, place, reason) in [
        ("BatchSize: 0", "BatchSize", "must be 1 to 10000"),
        ("MaximumRetryAttempts: 10001", "MaximumRetryAttempts", "must be -1 to 10000"),
        ("MaximumBatchingWindowInSeconds: 301", "MaximumBatchingWindowInSeconds", "must be 0 to 300"),
        ("ParallelizationFactor: 11", "ParallelizationFactor", "must be 1 to 10"),
        ("BisectBatchOnFunctionError: maybe", "BisectBatchOnFunctionError", "`maybe`"),
        ("Enabled: maybe", "Enabled", "`maybe`"),
        ("TumblingWindowInSeconds: 5", "TumblingWindowInSeconds", "is not part of the template"),
        ("FilterCriteria: { Filters: [{ Pattern: '{' }] }", "FilterCriteria.Filters.0.Pattern", "must be JSON"),
        (
            r#"FilterCriteria: { Filters: [{ Pattern: '{"a": [{"anything-but": ["b"]}]}' }] }"#,
            "FilterCriteria.Filters.0.Pattern",
            "is not understood",
        ),
    ] {
        let message = with(properties).unwrap_err().to_string();
        let place = format!("Resources.FollowerFunction.Properties.Events.Items.Properties.{place}: ");
        assert!(message.contains(&place) && message.contains(reason), "{message}");
    }
}

#[test]
fn a_stream_that_is_not_there_is_named() {
    for (from, to, reason) in [
        ("Stream: !GetAtt ItemsTable.StreamArn", "Stream: !GetAtt ItemsTable.Arn", "must be !GetAtt Table.StreamArn"),
        ("Stream: !GetAtt ItemsTable.StreamArn", "Stream: !GetAtt OtherTable.StreamArn", "`OtherTable` is no table"),
        ("${ItemsTable.StreamArn}", "${OtherTable.StreamArn}", "`OtherTable` is no table"),
        ("STREAM: !GetAtt ItemsTable.StreamArn", "STREAM: !GetAtt ItemsTable.Name", "Arn, Id and StreamArn"),
        ("StartingPosition: TRIM_HORIZON", "StartingPosition: AT_TIMESTAMP", "`AT_TIMESTAMP`"),
        ("            StartingPosition: TRIM_HORIZON\n", "", "needs `StartingPosition`"),
        ("StreamViewType: NEW_AND_OLD_IMAGES", "StreamViewType: KEYS_ONLY", "`KEYS_ONLY`"),
        ("dynamodb:GetRecords, ", "", "does not allow dynamodb:GetRecords on the stream of `t1-ItemsTable`"),
        ("Resource: !GetAtt ItemsTable.StreamArn", "Resource: !GetAtt ItemsTable.Arn", "StreamArn of a table"),
    ] {
        let message = read(from, to).unwrap_err().to_string();
        assert!(message.contains(reason), "{to}: {message}");
    }
}
