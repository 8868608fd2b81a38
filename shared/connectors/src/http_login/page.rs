//! The forms of an HTML page, as a browser without scripts sees them. This file alone knows the parser.
//!
//! Which control belongs to which form is decided as HTML's tree construction does: by the last `<form>` that was opened and
//! not closed, or by the attribute `form`. Neither needs a tree, so a page is read once, in time that grows with its length.

use std::collections::BTreeMap;

use html5gum::{HtmlString, Spanned, StartTag, State, Token, Tokenizer};
use zeroize::Zeroizing;

/// The most forms of a page.
const MOST_FORMS: usize = 64;
/// The most controls of a page, its options included.
const MOST_CONTROLS: usize = 4096;

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

/// Whose a control is.
enum Owner {
    /// That of the form at this place.
    Form(usize),
    /// That of the form with this id.
    Id(String),
    Nobody,
}

/// A page as far as it is read.
#[derive(Default)]
struct Reading {
    page: Page,
    controls: Vec<(Owner, Control)>,
    /// The form that is open.
    form: Option<usize>,
    /// How deep in templates, whose content is not part of the page.
    templates: usize,
    /// For each open fieldset, whether it disables what is in it.
    fieldsets: Vec<bool>,
    select: Option<Select>,
    textarea: Option<(Owner, Option<String>, Zeroizing<String>)>,
    read: usize,
}

struct Select {
    owner: Owner,
    /// `None` if it is not sent.
    name: Option<String>,
    /// Whether it shows one option, which is then selected even if the page selects none.
    single: bool,
    group_disabled: bool,
    options: Vec<Choice>,
    /// Whether the text of the last option is being read.
    open: bool,
}

struct Choice {
    value: Option<String>,
    text: String,
    selected: bool,
    disabled: bool,
}

type Attributes = BTreeMap<HtmlString, Spanned<HtmlString, ()>>;

fn attribute(attributes: &Attributes, name: &str) -> Option<String> {
    let value = attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(value).into_owned())
}

fn has(attributes: &Attributes, name: &str) -> bool {
    attributes.contains_key(name.as_bytes())
}

impl Reading {
    fn start(&mut self, tag: &StartTag<()>) -> Result<(), TooMany> {
        if tag.name.as_slice() == b"template" {
            self.templates = self.templates.saturating_add(1);
        }
        if self.templates > 0 {
            return Ok(());
        }
        let attributes = &tag.attributes;
        match tag.name.as_slice() {
            b"base" if self.page.base.is_none() => self.page.base = attribute(attributes, "href"),
            b"form" if self.form.is_none() => {
                if self.page.forms.len() >= MOST_FORMS {
                    return Err(TooMany);
                }
                self.form = Some(self.page.forms.len());
                self.page.forms.push(Form {
                    id: attribute(attributes, "id"),
                    name: attribute(attributes, "name"),
                    action: attribute(attributes, "action"),
                    method: attribute(attributes, "method"),
                    enctype: attribute(attributes, "enctype"),
                    accept_charset: attribute(attributes, "accept-charset"),
                    controls: Vec::new(),
                });
            }
            b"fieldset" => self.fieldsets.push(has(attributes, "disabled")),
            b"input" => self.input(attributes)?,
            b"button" => self.button(attributes)?,
            b"select" => {
                self.close_select()?;
                self.select = Some(Select {
                    owner: self.owner(attributes),
                    name: self.sent_name(attributes),
                    single: !has(attributes, "multiple") && shows_one(attributes),
                    group_disabled: false,
                    options: Vec::new(),
                    open: false,
                });
            }
            b"optgroup" => {
                if let Some(select) = &mut self.select {
                    (select.group_disabled, select.open) = (has(attributes, "disabled"), false);
                }
            }
            b"option" => {
                self.count()?;
                if let Some(select) = &mut self.select {
                    select.open = true;
                    select.options.push(Choice {
                        value: attribute(attributes, "value"),
                        text: String::new(),
                        selected: has(attributes, "selected"),
                        disabled: select.group_disabled || has(attributes, "disabled"),
                    });
                }
            }
            b"textarea" => {
                self.textarea = Some((self.owner(attributes), self.sent_name(attributes), Zeroizing::default()));
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &[u8]) -> Result<(), TooMany> {
        if name == b"template" {
            self.templates = self.templates.saturating_sub(1);
        }
        if self.templates > 0 {
            return Ok(());
        }
        match name {
            b"form" => self.form = None,
            b"fieldset" => {
                self.fieldsets.pop();
            }
            b"select" => self.close_select()?,
            b"option" | b"optgroup" => {
                if let Some(select) = &mut self.select {
                    select.open = false;
                    select.group_disabled = select.group_disabled && name == b"option";
                }
            }
            b"textarea" => self.close_text()?,
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        if let Some((_, _, value)) = &mut self.textarea {
            value.push_str(&text);
        } else if let Some(option) =
            self.select.as_mut().filter(|select| select.open).and_then(|s| s.options.last_mut())
        {
            option.text.push_str(&text);
        }
    }

    fn input(&mut self, attributes: &Attributes) -> Result<(), TooMany> {
        let kind = attribute(attributes, "type").unwrap_or_default().to_ascii_lowercase();
        let value = attribute(attributes, "value");
        let (value, kind) = match kind.as_str() {
            "submit" | "image" => (value.unwrap_or_default(), submit(attributes, kind == "image")),
            "button" | "reset" | "file" => return Ok(()),
            "checkbox" | "radio" => {
                (value.unwrap_or_else(|| "on".to_owned()), ControlKind::Check { checked: has(attributes, "checked") })
            }
            _ => (value.unwrap_or_default(), ControlKind::Field { password: kind == "password" }),
        };
        self.control(attributes, value, kind)
    }

    fn button(&mut self, attributes: &Attributes) -> Result<(), TooMany> {
        let kind = attribute(attributes, "type").unwrap_or_default();
        if kind.eq_ignore_ascii_case("button") || kind.eq_ignore_ascii_case("reset") {
            return Ok(());
        }
        self.control(attributes, attribute(attributes, "value").unwrap_or_default(), submit(attributes, false))
    }

    fn control(&mut self, attributes: &Attributes, value: String, kind: ControlKind) -> Result<(), TooMany> {
        let submits = matches!(kind, ControlKind::Submit { .. });
        let name = match self.sent_name(attributes) {
            Some(name) => name,
            // A button without a name submits, and an image sends where it was clicked.
            None if submits && !self.is_disabled(attributes) => String::new(),
            None => return Ok(()),
        };
        let owner = self.owner(attributes);
        self.push(owner, Control { name, value: Zeroizing::new(value), kind })
    }

    fn push(&mut self, owner: Owner, control: Control) -> Result<(), TooMany> {
        self.count()?;
        self.controls.push((owner, control));
        Ok(())
    }

    fn count(&mut self) -> Result<(), TooMany> {
        self.read = self.read.saturating_add(1);
        if self.read > MOST_CONTROLS { Err(TooMany) } else { Ok(()) }
    }

    fn owner(&self, attributes: &Attributes) -> Owner {
        match (attribute(attributes, "form"), self.form) {
            (Some(id), _) => Owner::Id(id),
            (None, Some(form)) => Owner::Form(form),
            (None, None) => Owner::Nobody,
        }
    }

    fn is_disabled(&self, attributes: &Attributes) -> bool {
        has(attributes, "disabled") || self.fieldsets.contains(&true)
    }

    /// The name under which a control is sent, if it is.
    fn sent_name(&self, attributes: &Attributes) -> Option<String> {
        attribute(attributes, "name").filter(|name| !name.is_empty() && !self.is_disabled(attributes))
    }

    fn close_text(&mut self) -> Result<(), TooMany> {
        let Some((owner, name, value)) = self.textarea.take() else { return Ok(()) };
        let Some(name) = name else { return Ok(()) };
        let value = value.strip_prefix("\r\n").or_else(|| value.strip_prefix('\n')).unwrap_or(&value);
        // Lines end with CR LF where they are sent.
        let value = Zeroizing::new(value.replace("\r\n", "\n").replace('\n', "\r\n"));
        self.push(owner, Control { name, value, kind: ControlKind::Field { password: false } })
    }

    fn close_select(&mut self) -> Result<(), TooMany> {
        let Some(Select { owner, name, single, options, .. }) = self.select.take() else { return Ok(()) };
        let Some(name) = name else { return Ok(()) };
        let mut chosen: Vec<_> = options.iter().filter(|option| option.selected).collect();
        if single {
            // The last that is selected, or else the first that can be.
            chosen =
                chosen.last().copied().or_else(|| options.iter().find(|option| !option.disabled)).into_iter().collect();
        }
        let mut owner = Some(owner);
        for option in chosen.into_iter().filter(|option| !option.disabled) {
            let value = option
                .value
                .clone()
                .unwrap_or_else(|| option.text.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
            let owner = match owner.take() {
                Some(first) => first,
                None => match self.controls.last() {
                    Some((Owner::Form(form), _)) => Owner::Form(*form),
                    Some((Owner::Id(id), _)) => Owner::Id(id.clone()),
                    Some((Owner::Nobody, _)) | None => Owner::Nobody,
                },
            };
            let kind = ControlKind::Field { password: false };
            self.push(owner, Control { name: name.clone(), value: Zeroizing::new(value), kind })?;
        }
        Ok(())
    }

    fn finish(mut self) -> Page {
        for (owner, control) in self.controls {
            let form = match owner {
                Owner::Form(form) => self.page.forms.get_mut(form),
                Owner::Id(id) => self.page.forms.iter_mut().find(|form| form.id.as_ref() == Some(&id)),
                Owner::Nobody => None,
            };
            match form {
                Some(form) => form.controls.push(control),
                None => self.page.loose.push(control),
            }
        }
        self.page
    }
}

fn submit(attributes: &Attributes, image: bool) -> ControlKind {
    ControlKind::Submit {
        image,
        action: attribute(attributes, "formaction"),
        method: attribute(attributes, "formmethod"),
    }
}

fn shows_one(attributes: &Attributes) -> bool {
    attribute(attributes, "size").and_then(|size| size.trim().parse::<u32>().ok()).is_none_or(|size| size <= 1)
}

#[cfg(test)]
mod tests {
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

    proptest::proptest! {
        #[test]
        fn no_page_makes_the_reader_fail_in_another_way(html in "[<>/=\"' a-z&;!-]{0,300}") {
            let _ = read(&html);
        }
    }
}
