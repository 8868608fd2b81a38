//! The versions of one secret and their staging labels, which move as in Secrets Manager.

use std::collections::{BTreeMap, BTreeSet};

use super::Refused;

pub(super) const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
const PENDING: &str = "AWSPENDING";

/// Most bytes of a value.
const LARGEST: usize = 65_536;

/// The versions of one secret.
#[derive(Debug)]
pub(super) struct Versions {
    pub(super) rotates: bool,
    by_id: BTreeMap<String, Version>,
}

#[derive(Debug, Default)]
struct Version {
    /// `None` in the version of a rotation that has not put its value yet.
    text: Option<String>,
    stages: BTreeSet<String>,
}

fn invalid(message: &str) -> Refused {
    Refused::new("InvalidParameterException", message)
}

impl Versions {
    pub(super) fn with(id: &str, text: &str, rotates: bool) -> Self {
        let version = Version { text: Some(text.to_owned()), stages: [CURRENT.to_owned()].into() };
        Self { rotates, by_id: [(id.to_owned(), version)].into() }
    }

    pub(super) fn clear(&mut self) {
        self.by_id.clear();
    }

    /// The version that has this id and this stage, with its value. Without either, the current one.
    pub(super) fn value(&self, id: Option<&str>, stage: Option<&str>) -> Option<(&str, &str)> {
        let stage = if id.is_none() { stage.or(Some(CURRENT)) } else { stage };
        let mut versions = self.by_id.iter();
        let (id, version) = versions.find(|(other, version)| {
            id.is_none_or(|id| id == other.as_str()) && stage.is_none_or(|stage| version.stages.contains(stage))
        })?;
        Some((id, version.text.as_deref()?))
    }

    /// The stages of every version.
    pub(super) fn stages(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.by_id.iter().map(|(id, version)| (id.clone(), version.stages.clone())).collect()
    }

    /// Writes a version. Writing the same value again changes nothing.
    pub(super) fn put(&mut self, id: &str, text: &str, stages: &[String]) -> Result<(), Refused> {
        if !(32..=64).contains(&id.len()) {
            return Err(invalid("ClientRequestToken must have 32 to 64 characters."));
        }
        if text.is_empty() || text.len() > LARGEST {
            return Err(invalid("SecretString must have 1 to 65536 bytes."));
        }
        if stages.is_empty() || stages.len() > 20 || stages.iter().any(String::is_empty) {
            return Err(invalid("VersionStages must have 1 to 20 labels."));
        }
        let version = self.by_id.entry(id.to_owned()).or_default();
        match &version.text {
            Some(other) if other == text => return Ok(()),
            Some(_) => {
                let message = "You can't use this ClientRequestToken: it is in use for another value of this secret.";
                return Err(Refused::new("ResourceExistsException", message));
            }
            None => version.text = Some(text.to_owned()),
        }
        for stage in stages {
            self.attach(stage, id);
        }
        self.forget();
        Ok(())
    }

    /// Moves a stage to another version, or removes it.
    pub(super) fn move_stage(&mut self, stage: &str, to: Option<&str>, from: Option<&str>) -> Result<(), Refused> {
        let holder = self.by_id.iter().find(|(_, version)| version.stages.contains(stage)).map(|(id, _)| id.clone());
        if from.is_some() && holder.as_deref() != from {
            return Err(invalid("The staging label is not attached to the version in RemoveFromVersionId."));
        }
        match to {
            None if from.is_none() => return Err(invalid("MoveToVersionId or RemoveFromVersionId must be there.")),
            None if stage == CURRENT => return Err(invalid("AWSCURRENT can be moved but not removed.")),
            None => self.detach(stage),
            Some(to) if !self.by_id.contains_key(to) => {
                return Err(Refused::new("ResourceNotFoundException", "There is no such version."));
            }
            Some(to) if from.is_none() && holder.as_deref().is_some_and(|holder| holder != to) => {
                return Err(invalid("The staging label is attached to a version: name it in RemoveFromVersionId."));
            }
            Some(to) => self.attach(stage, to),
        }
        self.forget();
        Ok(())
    }

    /// The pending version of a rotation: a new one without a value, or the one that a failed rotation left.
    pub(super) fn begin_rotation(&mut self, new: &str) -> Result<String, Refused> {
        if !self.rotates {
            return Err(Refused::new("InvalidRequestException", "rotation is not enabled for this secret"));
        }
        let is_left = |version: &Version| version.stages.contains(PENDING) && !version.stages.contains(CURRENT);
        if let Some((id, _)) = self.by_id.iter().find(|(_, version)| is_left(version)) {
            return Ok(id.clone());
        }
        self.by_id.insert(new.to_owned(), Version::default());
        self.attach(PENDING, new);
        Ok(new.to_owned())
    }

    fn attach(&mut self, stage: &str, id: &str) {
        if stage == CURRENT
            && let Some((old, _)) = self.by_id.iter().find(|(_, version)| version.stages.contains(CURRENT))
            && old != id
        {
            let old = old.clone();
            self.attach(PREVIOUS, &old);
        }
        self.detach(stage);
        if let Some(version) = self.by_id.get_mut(id) {
            version.stages.insert(stage.to_owned());
        }
    }

    fn detach(&mut self, stage: &str) {
        for version in self.by_id.values_mut() {
            version.stages.remove(stage);
        }
    }

    /// Drops versions without a stage: they are deprecated, and nothing here reads them.
    fn forget(&mut self) {
        self.by_id.retain(|_, version| !version.stages.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "11111111-1111-1111-1111-111111111111";
    const TWO: &str = "22222222-2222-2222-2222-222222222222";

    fn secret() -> Versions {
        Versions::with(ONE, "a", true)
    }

    fn kind(outcome: Result<(), Refused>) -> &'static str {
        outcome.unwrap_err().kind
    }

    #[test]
    fn a_rotation_makes_a_version_without_a_value_and_moves_the_current_stage_to_it() {
        let mut secret = secret();
        assert_eq!(secret.begin_rotation(TWO).unwrap(), TWO);
        assert_eq!(secret.value(Some(TWO), Some(PENDING)), None);
        secret.put(TWO, "b", &[PENDING.to_owned()]).unwrap();
        assert_eq!(secret.value(Some(TWO), Some(PENDING)), Some((TWO, "b")));
        assert_eq!(secret.value(None, None), Some((ONE, "a")));
        // A rotation that failed is continued.
        assert_eq!(secret.begin_rotation("another").unwrap(), TWO);
        secret.move_stage(CURRENT, Some(TWO), Some(ONE)).unwrap();
        assert_eq!(secret.value(None, None), Some((TWO, "b")));
        assert_eq!(secret.value(None, Some(PREVIOUS)), Some((ONE, "a")));
    }

    #[test]
    fn the_same_version_again_changes_nothing_and_another_value_is_refused() {
        let mut secret = secret();
        secret.put(TWO, "b", &[PENDING.to_owned()]).unwrap();
        secret.put(TWO, "b", &[PENDING.to_owned()]).unwrap();
        assert_eq!(kind(secret.put(TWO, "c", &[PENDING.to_owned()])), "ResourceExistsException");
        assert_eq!(kind(secret.put("short", "c", &[PENDING.to_owned()])), "InvalidParameterException");
        assert_eq!(kind(secret.put("x".repeat(32).as_str(), "", &[PENDING.to_owned()])), "InvalidParameterException");
    }

    #[test]
    fn a_stage_moves_only_from_where_it_is() {
        let mut secret = secret();
        secret.put(TWO, "b", &[PENDING.to_owned()]).unwrap();
        assert_eq!(kind(secret.move_stage(CURRENT, Some(TWO), None)), "InvalidParameterException");
        assert_eq!(kind(secret.move_stage(CURRENT, Some(TWO), Some(TWO))), "InvalidParameterException");
        assert_eq!(kind(secret.move_stage(CURRENT, None, Some(ONE))), "InvalidParameterException");
        assert_eq!(kind(secret.move_stage(CURRENT, None, None)), "InvalidParameterException");
        assert_eq!(kind(secret.move_stage(CURRENT, Some("none"), Some(ONE))), "ResourceNotFoundException");
        secret.move_stage(PENDING, None, Some(TWO)).unwrap();
        assert_eq!(secret.stages().len(), 1);
    }
}
