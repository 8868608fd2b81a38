//! What people recognise a device by in the list of their sessions. It is what the app says, and decides nothing.

use crate::address::is_invisible;

/// The most characters of a name.
pub const MOST: usize = 64;

/// What to look for in a `User-Agent`, and the name of the device that it tells. The more specific come first.
const KNOWN: [(&str, &str); 9] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("okhttp", "Android"),
    ("CFNetwork", "Apple"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
];

/// A name without the characters that cannot be seen, which would make it look like another one, and without space around it.
pub fn visible(typed: &str) -> String {
    typed.chars().filter(|char| !is_invisible(*char)).collect::<String>().trim().to_owned()
}

/// The name of a device: what the app says of it (`device_name`), otherwise what its `User-Agent` tells. Characters that cannot
/// be seen are left out, and what is too long is cut.
pub fn name(said: Option<&str>, user_agent: Option<&str>) -> Option<String> {
    let said = said.map(|said| visible(said).chars().take(MOST).collect::<String>());
    let said = said.map(|said| said.trim().to_owned()).filter(|said| !said.is_empty());
    said.or_else(|| {
        let agent = user_agent?;
        KNOWN.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| (*name).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_says_the_name_or_its_user_agent_tells_it() {
        let agent = Some("Mozilla/5.0 (Linux; Android 16; Pixel 10) Mobile Safari/537.36");
        assert_eq!(name(Some("Ada’s phone"), agent).as_deref(), Some("Ada’s phone"));
        assert_eq!(name(Some("\u{202e}Ada\u{200b}"), agent).as_deref(), Some("Ada"));
        assert_eq!(name(Some("\u{200b}"), agent).as_deref(), Some("Android"));
        assert_eq!(name(Some(" \u{7}\n"), agent).as_deref(), Some("Android"));
        assert_eq!(name(None, Some("Bank/12 CFNetwork/3826 Darwin/25.0.0")).as_deref(), Some("Apple"));
        assert_eq!(name(None, Some("curl/8.17")), None);
        assert_eq!(name(None, None), None);
        assert_eq!(name(Some(&"é".repeat(100)), None).unwrap().chars().count(), MOST);
    }
}
