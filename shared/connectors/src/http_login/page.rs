//! The forms of an HTML page, as a browser without scripts sees them. This file and what is below it alone know the parser.

mod fieldsets;
mod reading;

use html5gum::{State, Token, Tokenizer};
use zeroize::Zeroizing;

use reading::Reading;

/// The page has more forms or fields than are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// The forms of a page.
#[derive(Default)]
pub(super) struct Page {
    /// The URL that references of the page are relative to, as it is written.
    pub(super) base: Option<String>,
    pub(super) forms: Vec<Form>,
    /// Controls of no form.
    pub(super) loose: Vec<Control>,
}

impl Page {
    /// The value of the first field with this name.
    pub(super) fn field(&self, name: &str) -> Option<&Zeroizing<String>> {
        let controls = self.forms.iter().flat_map(|form| &form.controls).chain(&self.loose);
        let mut fields = controls.filter(|control| !matches!(control.kind, ControlKind::Submit { .. }));
        fields.find(|control| control.name == name).map(|control| &control.value)
    }
}

/// A form. It has no `Debug`, because its hidden values may be secrets.
#[derive(Default)]
pub(super) struct Form {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) action: Option<String>,
    pub(super) method: Option<String>,
    pub(super) enctype: Option<String>,
    pub(super) accept_charset: Option<String>,
    /// What can be sent, in the order of the page. What is disabled or has no name is left out.
    pub(super) controls: Vec<Control>,
}

/// A control of a form.
pub(super) struct Control {
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
    pub(super) kind: ControlKind,
}

/// When a control is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ControlKind {
    /// Always.
    Field { password: bool },
    /// If it is checked.
    Check { checked: bool },
    /// If it submits the form, which it may send elsewhere.
    Submit { image: bool, action: Option<String>, method: Option<String> },
}

impl Form {
    /// Whether it has a field of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        let is_field = |control: &Control| !matches!(control.kind, ControlKind::Submit { .. });
        self.controls.iter().any(|control| control.name == name && is_field(control))
    }

    /// Whether it asks for a password.
    pub(super) fn has_password(&self) -> bool {
        self.controls.iter().any(|control| control.kind == ControlKind::Field { password: true })
    }
}

/// Reads a page.
pub(super) fn read(html: &str) -> Result<Page, TooMany> {
    let mut reading = Reading::default();
    let mut tokenizer = Tokenizer::new(html);
    while let Some(Ok(token)) = tokenizer.next() {
        match token {
            Token::StartTag(tag) => {
                if let Some(state) = text_state(&tag.name) {
                    tokenizer.set_state(state);
                }
                reading.start(&tag)?;
            }
            Token::EndTag(tag) => reading.end(&tag.name)?,
            Token::String(text) => reading.text(&text),
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reading.close_text()?;
    Ok(reading.finish())
}

/// How the content of an element is read that has no elements in it. Without scripts, `noscript` has.
fn text_state(name: &[u8]) -> Option<State> {
    match name {
        b"textarea" | b"title" => Some(State::RcData),
        b"script" => Some(State::ScriptData),
        b"style" | b"iframe" | b"xmp" | b"noembed" | b"noframes" => Some(State::RawText),
        b"plaintext" => Some(State::PlainText),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::reading::{MOST_CONTROLS, MOST_FORMS};
    use super::*;

    /// The controls of the form at this place, as `name=value` and a mark.
    fn controls(page: &Page, form: usize) -> Vec<String> {
        let written = |control: &Control| {
            let mark = match &control.kind {
                ControlKind::Field { password: true } => "*",
                ControlKind::Field { password: false } | ControlKind::Check { checked: true } => "",
                ControlKind::Check { checked: false } => "-",
                ControlKind::Submit { .. } => "!",
            };
            format!("{}={}{mark}", control.name, control.value.as_str())
        };
        page.forms[form].controls.iter().map(written).collect()
    }

    fn of(html: &str) -> Page {
        read(html).unwrap_or_else(|TooMany| panic!("too many in {html}"))
    }

    #[test]
    fn a_page_of_asp_net_is_read_with_its_entities() {
        let page = of(r#"<!DOCTYPE html><html><head><title>Sign in <form></title><base href="/app/"></head><body>
            <script>document.write('<form><input name=no>')</script><!-- <form> -->
            <form method="post" action="./Login.aspx?ReturnUrl=%2f&amp;x=1" id="form1">
            <input type="hidden" name="__VIEWSTATE" id="__VIEWSTATE" value="/wEPDw&#43;UL&quot;LTE&#x3D;&#x3d;" />
            <INPUT NAME=user VALUE=ada><input type=PassWord name='pass'>
            <input type=checkbox name=keep checked><input type=checkbox name=no value=1>
            <input type=submit name="ctl00$Login" value="Log&nbsp;in"></form></body>"#);
        assert_eq!((page.base.as_deref(), page.forms.len()), (Some("/app/"), 1));
        let form = &page.forms[0];
        assert_eq!(form.action.as_deref(), Some("./Login.aspx?ReturnUrl=%2f&x=1"));
        assert_eq!((form.id.as_deref(), form.method.as_deref()), (Some("form1"), Some("post")));
        assert!(form.has_password());
        let expected =
            ["__VIEWSTATE=/wEPDw+UL\"LTE==", "user=ada", "pass=*", "keep=on", "no=1-", "ctl00$Login=Log\u{a0}in!"];
        assert_eq!(controls(&page, 0), expected);
    }

    #[test]
    fn what_a_browser_does_not_send_is_left_out() {
        let page = of("<form><input value=1><input name='' value=1><input name=a disabled><input type=button name=b>
            <input type=reset name=c><input type=file name=d><button type=button name=e></button>
            <fieldset disabled><input name=f></fieldset><input name=g value=7>
            <template><input name=h></template></form><input name=i>");
        assert_eq!(controls(&page, 0), ["g=7"]);
    }

    #[test]
    fn lists_and_texts_have_the_values_that_they_show() {
        let page = of("<form><select name=one><option value=1>a<option value=2 selected>b</select>
            <select name=first><option disabled>x</option><option> a  b </option><option>c</select>
            <select name=many multiple><option selected>p<option>q<option selected>r</select>
            <select name=none size=3><option>x</select>
            <textarea name=text>\n<b>&amp;\nx</form></textarea></form>");
        assert_eq!(controls(&page, 0), ["one=2", "first=a b", "many=p", "many=r", "text=<b>&\r\nx</form>"]);
    }

    #[test]
    fn a_control_belongs_to_the_form_that_is_open_or_that_it_names() {
        let page = of("<form id=a><input name=1><form id=b><input name=2></form><input name=3>
            <form id=c name=n><div><input name=4></form></div><input name=5 form=a><input name=6 form=zz>
            <noscript><form id=d><button formaction=/x>Go</button></noscript>");
        assert_eq!(
            (controls(&page, 0), controls(&page, 1)),
            (vec!["1=".into(), "2=".into(), "5=".into()], vec!["4=".into()])
        );
        assert_eq!((page.forms.len(), page.forms[1].name.as_deref()), (3, Some("n")));
        let ControlKind::Submit { action, .. } = &page.forms[2].controls[0].kind else { panic!("no button") };
        assert_eq!(action.as_deref(), Some("/x"));
    }

    #[test]
    fn pages_without_end_are_told_and_read_in_a_bounded_time() {
        assert!(read(&"<form></form>".repeat(MOST_FORMS + 1)).is_err());
        assert!(read(&format!("<form>{}", "<input name=a>".repeat(MOST_CONTROLS + 1))).is_err());
        assert!(read(&format!("<form><select>{}", "<option>".repeat(MOST_CONTROLS + 1))).is_err());
        for odd in [
            "<form".repeat(200_000),
            "<div>".repeat(200_000),
            format!("<a {}>", "b ".repeat(500_000)),
            "&".repeat(1_000_000),
            "<".repeat(1_000_000),
            "<!--".repeat(250_000),
        ] {
            let _ = read(&odd);
        }
    }

    /// Time grows with the page and not with its square: each of these took minutes when it did.
    #[test]
    fn a_hostile_page_of_a_megabyte_is_read_in_a_time_that_grows_with_it() {
        let page = |part: &str| part.repeat(1024 * 1024 / part.len());
        let begun = tokio::time::Instant::now();
        for html in [
            page("<fieldset><input>"),
            page("<fieldset><input type=button name=a>"),
            page("<fieldset disabled></fieldset><input name=a disabled>"),
            page("<fieldset><button type=reset>"),
            format!("{}{}", "<fieldset>".repeat(50_000), "<input>".repeat(70_000)),
            format!("{}{}", "<template>".repeat(50_000), "</template>".repeat(50_000)),
            page("<select><textarea>"),
            page("<input form=x>"),
        ] {
            assert!(html.len() > 900_000);
            let _ = read(&html);
        }
        assert!(begun.elapsed() < std::time::Duration::from_mins(1), "{:?}", begun.elapsed());
    }

    /// Each option that is selected has the name and the form of its list, so that a small page could become large.
    #[test]
    fn a_page_does_not_become_much_larger_than_it_is() {
        let long = "x".repeat(200_000);
        let options = "<option selected>a".repeat(4_000);
        for list in [format!("<select multiple name={long}>"), format!("<select multiple name=a form={long}>")] {
            assert!(read(&format!("<form>{list}{options}</select></form>")).is_err());
        }
        let few = "<option selected>a".repeat(10);
        assert!(read(&format!("<form><select multiple name={long}>{few}</select></form>")).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_page_makes_the_reader_fail_in_another_way(html in "[<>/=\"' a-z&;!-]{0,300}") {
            let _ = read(&html);
        }
    }
}
