//! Reads the tags and texts of a page, one after the other.
//!
//! Which control belongs to which form is decided as HTML's tree construction does: by the last `<form>` that was opened and
//! not closed, or by the attribute `form`. Neither needs a tree, so a page is read once, in time that grows with its length.

use std::collections::BTreeMap;

use html5gum::{HtmlString, Spanned, StartTag};
use zeroize::Zeroizing;

use super::fieldsets::Fieldsets;
use super::{Control, ControlKind, Form, Page, TooMany};

/// The most forms of a page.
pub(super) const MOST_FORMS: usize = 64;
/// The most controls of a page, its options included.
pub(super) const MOST_CONTROLS: usize = 4096;
/// The most bytes of names and values of all controls. Each option that a list selects has the list's name again, so they can be
/// many more than the page has.
const MOST_BYTES: usize = 4 * 1024 * 1024;

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
pub(super) struct Reading {
    page: Page,
    controls: Vec<(Owner, Control)>,
    /// The form that is open.
    form: Option<usize>,
    /// How deep in templates, whose content is not part of the page.
    templates: usize,
    fieldsets: Fieldsets,
    select: Option<Select>,
    textarea: Option<(Owner, Option<String>, Zeroizing<String>)>,
    read: usize,
    /// The bytes of all controls so far.
    bytes: usize,
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
    pub(super) fn start(&mut self, tag: &StartTag<()>) -> Result<(), TooMany> {
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
            b"fieldset" => self.fieldsets.begin(has(attributes, "disabled")),
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

    pub(super) fn end(&mut self, name: &[u8]) -> Result<(), TooMany> {
        if name == b"template" {
            self.templates = self.templates.saturating_sub(1);
        }
        if self.templates > 0 {
            return Ok(());
        }
        match name {
            b"form" => self.form = None,
            b"fieldset" => self.fieldsets.end(),
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

    pub(super) fn text(&mut self, text: &[u8]) {
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
        let named = if let Owner::Id(id) = &owner { id.len() } else { 0 };
        let bytes =
            [control.name.len(), control.value.len(), named].into_iter().fold(self.bytes, usize::saturating_add);
        if bytes > MOST_BYTES {
            return Err(TooMany);
        }
        self.bytes = bytes;
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
        has(attributes, "disabled") || self.fieldsets.disable()
    }

    /// The name under which a control is sent, if it is.
    fn sent_name(&self, attributes: &Attributes) -> Option<String> {
        attribute(attributes, "name").filter(|name| !name.is_empty() && !self.is_disabled(attributes))
    }

    pub(super) fn close_text(&mut self) -> Result<(), TooMany> {
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

    pub(super) fn finish(mut self) -> Page {
        // Of forms with one id the first has it.
        let ids = self.page.forms.iter().enumerate().rev();
        let ids: BTreeMap<_, _> = ids.filter_map(|(place, form)| Some((form.id.clone()?, place))).collect();
        for (owner, control) in self.controls {
            let form = match owner {
                Owner::Form(form) => Some(form),
                Owner::Id(id) => ids.get(&id).copied(),
                Owner::Nobody => None,
            };
            match form.and_then(|form| self.page.forms.get_mut(form)) {
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
