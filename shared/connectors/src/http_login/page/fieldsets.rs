//! Which fieldsets are open, and whether one of them disables the controls in it.

/// The fieldsets that are open.
#[derive(Default)]
pub(super) struct Fieldsets {
    /// For each, whether it is disabled.
    open: Vec<bool>,
    /// How many of them are: each control asks for it.
    disabled: usize,
}

impl Fieldsets {
    pub(super) fn begin(&mut self, disabled: bool) {
        self.open.push(disabled);
        self.disabled = self.disabled.saturating_add(usize::from(disabled));
    }

    pub(super) fn end(&mut self) {
        let disabled = self.open.pop().unwrap_or_default();
        self.disabled = self.disabled.saturating_sub(usize::from(disabled));
    }

    /// Whether one disables what is in it.
    pub(super) fn disable(&self) -> bool {
        self.disabled > 0
    }
}
