//! Client secrets: made here, told once, stored as hashes. After a rotation the previous one is valid for a stated time.

use crate::app_acts::{AppActs, Registered};
use crate::{ActError, Problem, WrongField, date_time};
use gateway_domain::entropy::Entropy;
use gateway_domain::ids::ClientId;
use gateway_domain::secret::{Secret, hex, sha256_hex};
use gateway_domain::time::Seconds;
use gateway_store::{App, AppKind, PreviousSecret};

/// The longest overlap of two secrets. It is bounded because either of two valid secrets can leak.
pub const MAX_OVERLAP: Seconds = Seconds::new(90 * 86_400);

/// What becomes of the secret before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It works on for so long, at most [`MAX_OVERLAP`].
    Overlap(Seconds),
    /// It ends at once, and so does one before it.
    Now,
    /// There was none: the application signs, and its keys end at once.
    InPlaceOfKeys,
}

/// Gives an application a new secret of 256 random bits, in characters that need no encoding in forms, headers and shells.
pub(crate) fn new(app: &mut App, entropy: &dyn Entropy) -> Result<Secret, ActError> {
    let bytes: [u8; 32] = entropy.bytes()?;
    let text = format!("mgs_{}", hex(&bytes));
    app.secret_hash = Some(sha256_hex(text.as_bytes()));
    Ok(Secret::new(text))
}

impl AppActs<'_> {
    /// Gives a confidential application a new secret.
    ///
    /// # Errors
    /// The application is public or signs, the overlap is too long, or an earlier one has not ended; and those of
    /// [`AppActs::change_with`].
    pub async fn rotate_secret(&self, client_id: &ClientId, rotation: Rotation) -> Result<Registered, ActError> {
        let overlap = match rotation {
            Rotation::Overlap(overlap) => overlap,
            Rotation::Now | Rotation::InPlaceOfKeys => Seconds::new(0),
        };
        if overlap > MAX_OVERLAP {
            let problem = Problem::Malformed("an overlap is at most 90d: end it sooner and rotate again".to_owned());
            return Err(ActError::Fields(vec![WrongField { field: "overlap".to_owned(), problem }]));
        }
        let now = self.acts.now();
        let mut secret = None;
        let set = |app: &mut App| {
            if rotation == Rotation::InPlaceOfKeys && app.jwks.take().is_none() {
                return Err(ActError::rule("in_place_of_keys", format!("app {} has no keys", app.client_id)));
            }
            confidential(app)?;
            let running = app.previous_secret.as_ref().filter(|previous| now < previous.until);
            if let (Some(running), false) = (running, rotation == Rotation::Now) {
                return Err(ActError::rule(
                    "overlap",
                    format!(
                        "the secret before still works until {}, and a third one would end it: end that overlap first, or all \
                         secrets but the new one",
                        date_time::text(running.until),
                    ),
                ));
            }
            let until = now.saturating_add(overlap);
            app.previous_secret =
                app.secret_hash.take().filter(|_| now < until).map(|hash| PreviousSecret { hash, until });
            secret = Some(new(app, self.acts.entropy)?);
            Ok(())
        };
        // Whoever is told of a failure alone would never learn the secret.
        let (app, revision, _) = self.changed_by(client_id, "apps rotate-secret", set).await?;
        Ok(Registered { app, revision, secret })
    }

    /// Ends the secret before the newest one.
    ///
    /// # Errors
    /// The application is public or signs; and those of [`AppActs::change_with`].
    pub async fn end_overlap(&self, client_id: &ClientId) -> Result<Registered, ActError> {
        let set = |app: &mut App| {
            confidential(app)?;
            app.previous_secret = None;
            Ok(())
        };
        let (app, revision) = self.change_with(client_id, "apps end-overlap", set).await?;
        Ok(Registered { app, revision, secret: None })
    }
}

/// Checklist G-26: a public application has no secret, and neither has one with keys.
fn confidential(app: &App) -> Result<(), ActError> {
    let refused = |field, words: &str| Err(ActError::rule(field, format!("app {} {words}", app.client_id)));
    match app.kind {
        AppKind::Confidential if app.jwks.is_some() => {
            let words = "authenticates by its keys and has no secret: one can be made in place of them";
            refused("in_place_of_keys", words)
        }
        AppKind::Confidential => Ok(()),
        AppKind::Public => refused("kind", "is public and has no secret"),
    }
}
