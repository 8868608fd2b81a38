//! The words of the pages. Every language has all of them, or it does not compile.

pub(crate) mod english;
pub(crate) mod german;

use crate::pages::{FailureText, NoticeText};
use gateway_domain::language::Language;

/// What stands before and after a name that is set apart from the sentence.
pub(crate) type Around = (&'static str, &'static str);

/// The words of the pages in one language.
pub(crate) struct Texts {
    /// Before the title of a page whose form has a mistake.
    pub(crate) error_in_title: &'static str,
    /// Above the list of what is wrong.
    pub(crate) error_summary: &'static str,
    pub(crate) help: &'static str,
    pub(crate) privacy: &'static str,
    pub(crate) terms: &'static str,

    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
    pub(crate) password_at: fn(&str) -> String,
    pub(crate) password_at_hint: &'static str,
    pub(crate) password_stays: Around,

    pub(crate) log_in: &'static str,
    pub(crate) log_in_for: Around,
    pub(crate) log_in_by_passkey: &'static str,
    pub(crate) passkey_cancelled: &'static str,
    pub(crate) passkey_failed: &'static str,
    pub(crate) no_account: &'static str,
    pub(crate) create_account: &'static str,

    pub(crate) consent: &'static str,
    pub(crate) consent_asks: Around,
    pub(crate) consent_returns_to: Around,
    pub(crate) logged_in_as: Around,
    pub(crate) allow: &'static str,
    pub(crate) deny: &'static str,
    pub(crate) scope: fn(&str) -> Option<&'static str>,

    pub(crate) optional: &'static str,
    pub(crate) address: &'static str,
    pub(crate) new_address: &'static str,
    pub(crate) new_address_hint: &'static str,
    pub(crate) current_password: &'static str,
    pub(crate) new_password: &'static str,
    pub(crate) code: &'static str,
    pub(crate) code_hint: &'static str,
    pub(crate) forgotten_link: &'static str,
    pub(crate) unlock_link: &'static str,
    pub(crate) sign_up: &'static str,
    pub(crate) accept_terms: Around,
    pub(crate) have_account: &'static str,
    pub(crate) verify: &'static str,
    pub(crate) verify_code: Around,
    pub(crate) verify_link: Around,
    pub(crate) verify_other_browser: &'static str,
    pub(crate) confirm: &'static str,
    pub(crate) no_mail: &'static str,
    pub(crate) resend: &'static str,
    pub(crate) forgotten: &'static str,
    pub(crate) forgotten_text: &'static str,
    pub(crate) send_mail: &'static str,
    pub(crate) back_to_login: &'static str,
    pub(crate) reset: &'static str,
    pub(crate) reset_code: &'static str,
    pub(crate) unlock: &'static str,
    pub(crate) unlock_text: &'static str,
    pub(crate) unlock_confirm: &'static str,
    pub(crate) ends_sessions: &'static str,
    pub(crate) set_password: &'static str,
    pub(crate) change_password: &'static str,
    pub(crate) ends_others: &'static str,
    pub(crate) change_address: &'static str,
    pub(crate) address_now: Around,
    pub(crate) take_back: &'static str,
    pub(crate) take_back_asks: Around,
    pub(crate) profile: &'static str,
    pub(crate) save: &'static str,
    pub(crate) saved: &'static str,
    pub(crate) disable: &'static str,
    pub(crate) disable_text: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) delete_text: &'static str,
    pub(crate) sessions: &'static str,
    pub(crate) sessions_text: &'static str,
    pub(crate) no_sessions: &'static str,
    pub(crate) this_session: &'static str,
    pub(crate) session_made: &'static str,
    pub(crate) session_refreshed: &'static str,
    pub(crate) end_session: &'static str,
    pub(crate) end_others: &'static str,
    pub(crate) devices: &'static str,
    pub(crate) devices_text: &'static str,
    pub(crate) no_devices: &'static str,
    pub(crate) device_name: &'static str,
    pub(crate) device_linked: &'static str,
    pub(crate) remove_device: &'static str,
    pub(crate) apps: &'static str,
    pub(crate) apps_text: &'static str,
    pub(crate) no_apps: &'static str,
    pub(crate) revoke: &'static str,
    pub(crate) account: &'static str,
    pub(crate) back_to_account: &'static str,
    pub(crate) my_data: &'static str,
    pub(crate) log_out: &'static str,
    pub(crate) password_hint: fn(usize) -> String,
    pub(crate) log_out_asks: &'static str,
    pub(crate) log_out_means: &'static str,

    pub(crate) detail: &'static str,
    pub(crate) reference: &'static str,
    pub(crate) failure: fn(crate::pages::Reason) -> FailureText,
    pub(crate) notice: fn(crate::pages::Notice) -> NoticeText,
    pub(crate) next: fn(crate::pages::Step) -> &'static str,
}

impl Texts {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &english::TEXTS,
            Language::German => &german::TEXTS,
        }
    }
}
