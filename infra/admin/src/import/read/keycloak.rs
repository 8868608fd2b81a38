//! Reads the people of a realm of Keycloak: what `kc.sh export` writes, with its users, or a list of users of the admin REST API, which
//! has no password hashes. One whom it cannot read is reported, and the next one is read.

use super::{Line, Record};
use crate::error::Error;
use gateway_config::ForeignUsers;
use gateway_domain::ids::IssuerName;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{BufRead as _, BufReader, Read};

/// The most people of one file, which are all kept in memory.
const MOST: usize = 1_000_000;

/// Whose people they are.
pub(in crate::import) struct Whose {
    /// The issuer of gateway.yaml that the realm is.
    pub(in crate::import) issuer: IssuerName,
    /// Whether the gateway finds them by their ids or by links.
    pub(in crate::import) users: ForeignUsers,
}

/// The people of a file, numbered from 1 as they stand there. Accounts of services, which are clients and no people, are left out.
pub(in crate::import) fn users(source: impl Read, whose: &Whose) -> Result<Vec<Line>, Error> {
    let mut source = BufReader::new(source);
    let unreadable = |reason: String| Error::Invalid(format!("this is no realm and no list of users: {reason}"));
    let first = first_byte(&mut source).map_err(|error| unreadable(error.to_string()))?;
    let people = match first {
        Some(b'[') => serde_json::from_reader(source),
        _ => serde_json::from_reader(source).map(|realm: Realm| realm.users),
    };
    // The message of an error of the file's form may hold a value of it.
    let people: People = people.map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        unreadable(if error.is_data() {
            format!(
                "{place}: `users` is missing, no list, or longer than {MOST} (`kc.sh export --users different_files`)"
            )
        } else {
            format!("{place}: not JSON")
        })
    })?;
    let numbered = people.0.into_iter().zip(1..);
    let lines = numbered.filter_map(|(person, number)| {
        let record = person.and_then(|person| person.record(whose)).transpose()?;
        Some(Line { number, record })
    });
    Ok(lines.collect())
}

/// The first byte that is neither space nor of a byte order mark; it is left where it is.
fn first_byte(source: &mut BufReader<impl Read>) -> std::io::Result<Option<u8>> {
    loop {
        let next = source.fill_buf()?.first().copied();
        match next {
            Some(byte) if byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(&byte) => source.consume(1),
            other => return Ok(other),
        }
    }
}

/// A realm, of which its people matter.
#[derive(Deserialize)]
struct Realm {
    users: People,
}

/// People, each of whom may be unreadable.
struct People(Vec<Result<Person, String>>);

impl<'de> Deserialize<'de> for People {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ReadPeople)
    }
}

struct ReadPeople;

impl<'de> Visitor<'de> for ReadPeople {
    type Value = People;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<People, A::Error> {
        let mut people = Vec::new();
        while let Some(person) = list.next_element::<Json>()? {
            if people.len() == MOST {
                return Err(A::Error::custom("too many"));
            }
            // Without the reason: it may hold a value.
            people.push(Person::deserialize(person).map_err(|_| "is no user as Keycloak writes one".to_owned()));
        }
        Ok(People(people))
    }
}

/// A user of Keycloak (its `UserRepresentation`); what is left out here is not carried over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    id: Option<String>,
    username: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    enabled: Option<bool>,
    service_account_client_id: Option<String>,
    #[serde(default)]
    credentials: Vec<Credential>,
}

impl Person {
    /// The user of the gateway; nothing for the account of a service.
    fn record(self, whose: &Whose) -> Result<Option<Record>, String> {
        if self.service_account_client_id.is_some() {
            return Ok(None);
        }
        let name = self.username.unwrap_or_default();
        let missing = |what: &str| format!("{name:?} has no {what}");
        let subject = self.id.ok_or_else(|| missing("id"))?;
        let email =
            self.email.filter(|email| !email.is_empty()).ok_or_else(|| missing("email, by which users log in"))?;
        let password = self.credentials.iter().find(|credential| credential.kind == "password");
        let password_hash =
            password.map(Credential::hash).transpose().map_err(|reason| format!("{name:?}: {reason}"))?;
        let (user_id, links) = match whose.users {
            ForeignUsers::Subject => (Some(subject), BTreeMap::new()),
            ForeignUsers::Links => (None, BTreeMap::from([(whose.issuer.as_link(), subject)])),
        };
        Ok(Some(Record {
            email,
            user_id,
            password_hash,
            enabled: Some(self.enabled.unwrap_or(true)),
            email_verified: Some(self.email_verified),
            links,
        }))
    }
}

/// What a user proves to be the user with (its `CredentialRepresentation`).
#[derive(Deserialize)]
struct Credential {
    #[serde(rename = "type", default)]
    kind: String,
    /// JSON as text.
    #[serde(rename = "secretData")]
    secrets: Option<String>,
    /// JSON as text.
    #[serde(rename = "credentialData")]
    how: Option<String>,
}

#[derive(Deserialize)]
struct Secrets {
    value: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HowHashed {
    algorithm: String,
    hash_iterations: u64,
    #[serde(default)]
    additional_parameters: BTreeMap<String, Vec<String>>,
}

impl Credential {
    /// The password hash in PHC form.
    fn hash(&self) -> Result<String, &'static str> {
        const UNKNOWN: &str = "the password hash is of a form that is not known: \
                               --without-passwords imports users without their passwords";
        fn read<T: serde::de::DeserializeOwned>(text: Option<&String>) -> Result<T, &'static str> {
            serde_json::from_str(text.ok_or(UNKNOWN)?).map_err(|_| UNKNOWN)
        }
        let (secrets, how): (Secrets, HowHashed) = (read(self.secrets.as_ref())?, read(self.how.as_ref())?);
        let (salt, value) = (secrets.salt.trim_end_matches('='), secrets.value.trim_end_matches('='));
        let parameter =
            |name: &str| how.additional_parameters.get(name).and_then(|values| values.first()).ok_or(UNKNOWN);
        let (algorithm, iterations) = (how.algorithm.as_str(), how.hash_iterations);
        match algorithm {
            "argon2" => {
                let (kind, memory, lanes) = (parameter("type")?, parameter("memory")?, parameter("parallelism")?);
                let version = match parameter("version")?.as_str() {
                    "1.0" => 16,
                    "1.3" => 19,
                    _ => return Err(UNKNOWN),
                };
                Ok(format!("$argon2{kind}$v={version}$m={memory},t={iterations},p={lanes}${salt}${value}"))
            }
            "pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512" => Ok(format!("${algorithm}${iterations}${salt}${value}")),
            _ => Err(UNKNOWN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whose(users: ForeignUsers) -> Whose {
        Whose { issuer: IssuerName::parse("keycloak").unwrap(), users }
    }

    fn read(text: &str) -> Vec<(u64, Result<Record, String>)> {
        let lines = users(text.as_bytes(), &whose(ForeignUsers::Links)).unwrap();
        lines.into_iter().map(|line| (line.number, line.record)).collect()
    }

    fn credential(data: &str) -> String {
        let secrets =
            Json::from(r#"{"value":"AAECAwQFBgcICQoLDA0ODw==","salt":"c29tZXNhbHQ=","additionalParameters":{}}"#);
        format!(r#"{{"type":"password","secretData":{secrets},"credentialData":{}}}"#, Json::from(data))
    }

    #[test]
    fn people_of_a_realm_and_of_the_admin_api_are_read_alike() {
        let list = r#"[{"id":"k-1","username":"p00","email":"p00@x.de","emailVerified":true,"enabled":true,"totp":false},
            {"id":"k-2","username":"p01","email":"p01@x.de","enabled":false}]"#;
        for text in [list.to_owned(), format!("\u{feff}\n{{\"realm\":\"r\",\"users\":{list},\"clients\":[{{}}]}}")] {
            let found = read(&text);
            let shown = found.iter().map(|(number, record)| {
                let record = record.as_ref().unwrap();
                (*number, record.email.as_str(), record.enabled, record.email_verified, record.password_hash.as_ref())
            });
            let expected =
                [(1, "p00@x.de", Some(true), Some(true), None), (2, "p01@x.de", Some(false), Some(false), None)];
            assert_eq!(shown.collect::<Vec<_>>(), expected);
            let links =
                found.iter().map(|(_, record)| record.as_ref().unwrap().links.values().next().unwrap().as_str());
            assert_eq!(links.collect::<Vec<_>>(), ["k-1", "k-2"]);
        }
        let by_id = users(list.as_bytes(), &whose(ForeignUsers::Subject)).unwrap();
        let first = by_id.into_iter().next().unwrap().record.unwrap();
        assert_eq!((first.user_id.as_deref(), first.links.len()), (Some("k-1"), 0));
    }

    #[test]
    fn hashes_get_the_form_that_is_imported() {
        let argon2 = r#"{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],
            "memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}"#;
        let pbkdf2 = r#"{"hashIterations":210000,"algorithm":"pbkdf2-sha512","additionalParameters":{}}"#;
        for (data, hash) in [
            (argon2, "$argon2id$v=19$m=7168,t=5,p=1$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw"),
            (pbkdf2, "$pbkdf2-sha512$210000$c29tZXNhbHQ$AAECAwQFBgcICQoLDA0ODw"),
        ] {
            let text =
                format!(r#"[{{"id":"k","username":"p","email":"p@x.de","credentials":[{}]}}]"#, credential(data));
            let record = read(&text).remove(0).1.unwrap();
            assert_eq!(record.password_hash.as_deref(), Some(hash));
            assert!(gateway_domain::password::PasswordHash::import(hash).is_ok(), "{hash}");
        }
    }

    #[test]
    fn one_who_is_unreadable_loses_no_other() {
        let strange = credential(r#"{"hashIterations":1,"algorithm":"md5-of-ours"}"#);
        let text = format!(
            r#"{{"users":[{{"id":"k-1","username":"a"}},{{"id":7}},"x",{{"username":"b","email":"b@x.de"}},
            {{"id":"s","username":"service-account-r","serviceAccountClientId":"r"}},
            {{"id":"k-6","username":"c","email":"c@x.de","credentials":[{strange}]}},
            {{"id":"k-7","username":"d","email":"d@x.de","credentials":[{{"type":"otp","secretData":"secret"}}]}}]}}"#
        );
        let found = read(&text);
        assert_eq!(
            found.iter().map(|(number, record)| (*number, record.is_ok())).collect::<Vec<_>>(),
            [(1, false), (2, false), (3, false), (4, false), (6, false), (7, true)]
        );
        assert!(
            !format!("{:?}", found.iter().map(|(_, record)| record.as_ref().err()).collect::<Vec<_>>())
                .contains("AAEC")
        );
        for wrong in ["", "7", "{}", r#"{"users":{"id":"secret"}}"#, r#"[{"id":"secret","#, "email,user_id"] {
            let told = users(wrong.as_bytes(), &whose(ForeignUsers::Links)).err().map(|error| error.to_string());
            assert!(told.is_some_and(|told| told.contains("no realm") && !told.contains("secret")), "{wrong}");
        }
    }
}
