//! A page for those who administer: made of blocks, which one template shows. Its words are English, as those of the protocol are
//! that it is about.

use crate::{Page, Site};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// A page of the portal.
#[derive(Template)]
#[template(path = "portal.html")]
pub struct Portal<'a> {
    /// Where it is.
    pub site: &'a Site,
    /// What it is about.
    pub heading: &'a str,
    /// Where else one can go, and which of them this is.
    pub tabs: Vec<Tab<'a>>,
    /// Who is logged in.
    pub who: Option<&'a str>,
    /// The value that binds its forms to the browser.
    pub form_token: &'a str,
    /// What was done, above all else.
    pub done: Option<&'a str>,
    /// What is wrong, each with the id of its field if it has one.
    pub mistakes: Vec<(Option<String>, String)>,
    /// What it consists of.
    pub blocks: Vec<Block>,
}

/// A link to another part.
pub struct Tab<'a> {
    /// What it is called.
    pub label: &'a str,
    /// Where it leads.
    pub url: String,
    /// Whether this page is a part of it.
    pub current: bool,
}

/// A part of a page.
pub enum Block {
    /// A heading within the page.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// What is copied.
    Code(String),
    /// Names and values.
    Facts(Vec<(String, Cell)>),
    /// A table.
    Table(Table),
    /// A form.
    Form(Form),
    /// A picture, as SVG, and what it shows.
    Picture(String, String),
    /// Links.
    Links(Vec<(String, String)>),
    /// A form whose script calls an API as an application does.
    TryIt(TryIt),
}

/// What can be tried.
pub struct TryIt {
    /// What paths begin with.
    pub base: String,
    /// The methods that there are.
    pub methods: Vec<String>,
    /// A path to begin with.
    pub path: String,
}

/// It has a hash in the policy of the page.
const TRY_IT: &str = include_str!("../../templates/try.js");

/// A table.
pub struct Table {
    /// What it shows, for those who do not see it.
    pub caption: String,
    /// The columns.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// What is said if it has none.
    pub empty: &'static str,
}

/// What stands in a table or beside a name.
pub enum Cell {
    /// A text.
    Text(String),
    /// A text that is copied: ids and such.
    Code(String),
    /// A state.
    Badge(String),
    /// A link, and where it leads.
    Link(String, String),
    /// Buttons.
    Buttons(Vec<Button>),
}

/// A button of a row, which is a form of its own.
pub struct Button {
    /// What it says, and for those who do not see the row, of what.
    pub label: String,
    /// Of what.
    pub of: String,
    /// The name and value that are sent.
    pub sends: (&'static str, String),
}

/// A form.
pub struct Form {
    /// What is filled in.
    pub fields: Vec<Field>,
    /// What its button says.
    pub button: &'static str,
    /// Names and values that are sent with it.
    pub hidden: Vec<(&'static str, String)>,
    /// Whether it only asks, so that it can be sent again and linked to.
    pub asks: bool,
    /// Whether it is one of several and not the way on.
    pub second: bool,
}

/// A field of a form.
pub struct Field {
    /// Its name, and its id.
    pub name: String,
    /// What it is called.
    pub label: String,
    /// What helps to fill it in.
    pub hint: Option<String>,
    /// What is wrong with it.
    pub mistake: Option<String>,
    /// How it is filled in.
    pub input: Input,
}

/// How a field is filled in.
pub enum Input {
    /// A line.
    Line(String),
    /// A code that an app shows.
    Code,
    /// Several lines.
    Lines(String),
    /// One of these values, each with what it is called.
    Choice(Vec<(String, String)>, String),
    /// Yes or no.
    Tick(bool),
}

impl Field {
    /// A field without a hint.
    pub fn new(name: &str, label: &str, input: Input) -> Self {
        Self { name: name.to_owned(), label: label.to_owned(), hint: None, mistake: None, input }
    }

    /// With a sentence that helps.
    #[must_use]
    pub fn hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }

    /// The ids of what describes it.
    fn described_by(&self) -> String {
        let hint = self.hint.as_ref().map(|_| format!("{}-hint", self.name));
        let mistake = self.mistake.as_ref().map(|_| format!("{}-mistake", self.name));
        hint.into_iter().chain(mistake).collect::<Vec<_>>().join(" ")
    }
}

impl Block {
    /// The source of a picture: no other source is permitted.
    fn source(svg: &str) -> String {
        format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg))
    }
}

impl Page for Portal<'_> {
    fn site(&self) -> &Site {
        self.site
    }

    fn heading(&self) -> Cow<'_, str> {
        self.heading.into()
    }

    fn script(&self) -> Option<&'static str> {
        self.blocks.iter().any(|block| matches!(block, Block::TryIt(_))).then_some(TRY_IT)
    }

    fn title(&self) -> String {
        let error = if self.mistakes.is_empty() { "" } else { "Error: " };
        let name = self.site.name();
        format!("{error}{}{}{name}", self.heading, if name.is_empty() { "" } else { " – " })
    }
}
