//! The pages for users: their templates, looks, languages, cookies and security headers. They work without scripts.

mod browser;
mod cookie;
mod date_time;
mod form;
mod mistake;
mod origin;
mod page;
pub mod pages;
mod respond;
mod site;
mod style;
mod texts;

pub use browser::Browser;
pub use cookie::{LOGIN_COOKIE, cookie};
pub use mistake::{Mistake, Mistakes};
pub use origin::same_origin;
pub use page::Page;
pub use respond::see_other;
pub use site::{MAX_ONWARD, ONWARD, Site, UI_LOCALES};
