//! `users import`: files with bad lines, repeated imports, and logins with the hashes of other systems.

use serde_json::json;
use support::{DEMO_APP, Gateway};

use crate::fixture::fixture;
use crate::operator::Operator;

/// Published hashes (see the tests of the domain's password module) with their passwords.
const HASHES: [(&str, &str, &str); 4] = [
    ("bcrypt", "U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("django", "lètmein", "pbkdf2_sha256$12000$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s="),
    ("argon2", "password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
    (
        "scrypt",
        "password",
        "$scrypt$ln=10,r=8,p=16$TmFDbA$\
         /bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA",
    ),
];

#[tokio::test]
async fn imported_people_log_in_with_the_passwords_they_have() {
    let (gateway, olga) = fixture().await;
    let line =
        |(name, _, hash): &(&str, &str, &str)| json!({ "email": format!("{name}@example.com"), "password_hash": hash });
    let lines: Vec<_> = HASHES.iter().map(|user| line(user).to_string()).collect();
    let done = olga.run(&["users", "import", "-", "--format", "jsonl", "-o", "json"], &lines.join("\n")).await.json();
    assert_eq!((&done["imported"], &done["skipped"], &done["failed"]), (&4.into(), &0.into(), &json!([])));
    for (name, password, _) in HASHES {
        let email = format!("{name}@example.com");
        assert_eq!(olga.json(&["users", "show", &email]).await["password"], "imported");
        assert_eq!(gateway.try_login(DEMO_APP, &email, "wrong").await.status, 400, "{name}");
        assert_eq!(gateway.try_login(DEMO_APP, &email, password).await.status, 200, "{name}");
        assert_eq!(olga.json(&["users", "show", &email]).await["password"], "set", "the first login made it ours");
        assert_eq!(gateway.try_login(DEMO_APP, &email, password).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_bad_line_loses_no_other_and_a_second_run_skips_who_is_there() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("people.csv");
    let hash = HASHES[0].2;
    let text = format!(
        "email,user_id,password_hash,enabled\n\
         one@example.com,id-1,{hash},true\n\
         not-an-address,id-2,,true\n\
         three@example.com,bad id,,true\n\
         four@example.com,id-4,$2b$31$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK,true\n\
         five@example.com,id-5\n\
         six@example.com,id-6,,false\n\
         nine@example.com,,plain-text,\n\
         ten@example.com,,,\n\
         eleven\0@example.com,,,\n\
         twelve@example.com,id-12\0,,\n\
         thirteen@example.com,,{hash}\0,\n"
    );
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();

    let dry = olga.does(&["users", "import", path, "--dry-run"]).await;
    assert!(dry.out.contains("would be imported") && !dry.good, "{dry:?}");
    assert!(olga.does(&["users", "show", "one@example.com"]).await.problem().contains("no user"));

    let first = olga.does(&["users", "import", path, "-o", "json"]).await;
    assert!(first.problem().contains("8 of 11 lines were not imported"), "{first:?}");
    assert!(!first.err.contains("plain-text") && !first.err.contains("$2b$31$"), "a hash is not shown: {first:?}");
    let result: serde_json::Value = serde_json::from_str(&first.out).unwrap();
    let failed: Vec<_> = result["failed"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64().unwrap()).collect();
    assert_eq!(failed, [3, 4, 5, 6, 8, 10, 11, 12]);
    for (line, reason) in [
        (3, "e-mail"),
        (4, "user id"),
        (5, "at most cost 14"),
        (6, "fields"),
        (8, "no known kind"),
        (10, "U+0000"),
        (11, "user id"),
        (12, "bcrypt"),
    ] {
        let line = format!("line {line}: ");
        assert!(
            first.err.lines().any(|told| told.starts_with(&line) && told.contains(reason)),
            "{line}{reason}: {first:?}"
        );
    }
    assert_eq!((&result["imported"], &result["skipped"]), (&3.into(), &0.into()));
    assert_eq!(olga.json(&["users", "show", "id-1"]).await["email"], "one@example.com");
    assert_eq!(olga.json(&["users", "show", "id-6"]).await["enabled"], false);

    let mended = std::fs::read_to_string(&file).unwrap().replace("not-an-address", "two@example.com");
    std::fs::write(&file, mended).unwrap();
    let second = olga.does(&["users", "import", path, "-o", "json"]).await;
    let result: serde_json::Value = serde_json::from_str(&second.out).unwrap();
    assert_eq!((&result["imported"], &result["skipped"]), (&1.into(), &3.into()));
    // Who is there under another id than the one that is named is not whom the line means.
    let taken = "email,user_id\nONE@example.com,id-7\neight@example.com,id-1\nSIX@example.com,id-6\nTEN@example.com,\n";
    let third = olga.run(&["users", "import", "-", "--format", "csv"], taken).await;
    assert!(
        third.problem().contains("line 3: the user id id-1 is taken") && third.out.contains("2 skipped"),
        "{third:?}"
    );
    let other = "line 2: the address is that of id-1 here, and the record names id-7";
    assert!(third.err.contains(other), "{third:?}");
    for (text, reason) in
        [("email,password\na@example.com,x\n", "unknown column"), ("a@example.com\n", "unknown column"), ("", "email")]
    {
        let refused = olga.run(&["users", "import", "-", "--format", "csv"], text).await;
        assert!(refused.problem().contains(reason), "{refused:?}");
    }
}

/// A dry run says what the import will do, line by line; of lines that claim one address or id, the first is imported.
#[tokio::test]
async fn a_dry_run_counts_as_the_import_does() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let taken = "email,user_id\nfirst@example.com,id-1\n";
    assert!(olga.run(&["users", "import", "-", "--format", "csv"], taken).await.good);
    let text = "email,user_id\n\
                first@example.com,\n\
                ann@example.com,id-2\n\
                ANN@Example.com.,id-3\n\
                \"ann@example.com\"x,id-3\n\
                ben@example.com,id-2\n\
                ben@example.com,id-1\n\
                cid@example.com,id-3\n\
                cid@example.com,id-4\n";
    let mut results = Vec::new();
    for arguments in [&["--dry-run"][..], &[]] {
        let arguments = [&["users", "import", "-", "--format", "csv", "-o", "json"], arguments].concat();
        let told = olga.run(&arguments, text).await;
        assert!(!told.good, "{told:?}");
        let mut result: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        result.as_object_mut().unwrap().remove("dry_run");
        results.push(result);
    }
    assert_eq!(results[0], results[1]);
    let failed = json!([
        { "line": 4, "reason": "line 3 has the same address" },
        { "line": 5, "reason": "field 1: text stands behind the closing quote: double each quote that belongs to the value" },
        { "line": 6, "reason": "line 3 has the same user id" },
        { "line": 7, "reason": "the user id id-1 is taken" },
        { "line": 9, "reason": "line 8 has the same address" },
    ]);
    assert_eq!(results[0], json!({ "imported": 2, "linked": 0, "skipped": 1, "failed": failed }));
}

/// Several hundred people, twice at once: each is there once, and both runs say what they found.
#[tokio::test]
async fn two_imports_of_one_file_make_everybody_once() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let lines: Vec<_> = (0..300).map(|number| format!("{{\"email\":\"p{number}@example.com\"}}")).collect();
    let lines = lines.join("\n");
    let arguments = ["users", "import", "-", "--format", "jsonl", "-o", "json"];
    let (one, other) = tokio::join!(olga.run(&arguments, &lines), olga.run(&arguments, &lines));
    let (one, other) = (one.json(), other.json());
    let sum = |name: &str| one[name].as_u64().unwrap() + other[name].as_u64().unwrap();
    assert_eq!((sum("imported"), sum("skipped")), (300, 300), "{one} {other}");
    let page = olga.json(&["users", "list", "--limit", "1000"]).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 302);
}
